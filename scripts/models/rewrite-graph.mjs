import { ATTRIBUTE_TYPES, floatsOf, integersOf, tensorOf } from './onnx.mjs';

/** @typedef {import('./onnx.mjs').Graph} Graph */
/** @typedef {import('./onnx.mjs').Node} Node */

/**
 * Makes the batch of a graph with a fixed batch size dynamic: the first dimension of its inputs and outputs gets a
 * name, and a Reshape to `[1, …]` keeps its input's first dimension instead.
 *
 * @param {Graph} graph changed
 * @returns {number} 0 if the batch is dynamic already, else 1
 */
export function makeBatchDynamic(graph) {
  // Some exporters list the weights as inputs, too.
  const weights = new Set(graph.initializer.map(({ name }) => name));
  const images = graph.input.filter(({ name }) => !weights.has(name));
  const ports = [...images, ...graph.output].map(({ type }) => type.tensorType.shape.dim);
  if (ports.every(([batch]) => batch !== undefined && !(Number(batch.dimValue) > 0))) return 0;
  for (const dimensions of ports) dimensions[0] = { dimParam: 'N' };
  // The shapes of intermediate tensors were inferred for the fixed batch.
  graph.valueInfo = [];
  const shapes = new Set(
    graph.node.filter(({ opType }) => opType === 'Reshape').map(({ input }) => input[1]),
  );
  graph.initializer = graph.initializer.map((tensor) => {
    if (!shapes.has(tensor.name)) return tensor;
    const [first, ...rest] = integersOf(tensor);
    // In the shape of a Reshape, 0 copies the input's dimension.
    return first === 1
      ? tensorOf(tensor.name, tensor.dims, BigInt64Array.from([0, ...rest], BigInt))
      : tensor;
  });
  return 1;
}

/**
 * Replaces each PRelu with per-channel slopes by operators that onnxruntime runs in its blocked layout (NCHWc), where it
 * has no kernel for PRelu. With slopes `a` below 1: `x + Relu((a - 1) x)`; else `a x + (1 - a) Relu(x)`. A product
 * with one factor per channel is a depthwise 1 x 1 convolution.
 *
 * @param {Graph} graph of images, NCHW; changed
 * @returns {number} how many were replaced
 */
export function replacePRelu(graph) {
  const constants = new Map(graph.initializer.map((tensor) => [tensor.name, tensor]));
  let replaced = 0;

  /** @type {(x: string, factors: Float32Array, y: string) => Node} */
  const scale = (x, factors, y) => {
    const weights = tensorOf(`${y}_factors`, [factors.length, 1, 1, 1], factors);
    graph.initializer.push(weights);
    const attribute = [
      { name: 'group', type: ATTRIBUTE_TYPES.int, i: factors.length },
      { name: 'kernel_shape', type: ATTRIBUTE_TYPES.ints, ints: [1, 1] },
    ];
    return { opType: 'Conv', input: [x, weights.name], output: [y], attribute };
  };
  graph.node = graph.node.flatMap((node) => {
    const [x = '', slopeName = ''] = node.input;
    const [y = ''] = node.output;
    const slope = constants.get(slopeName);
    if (node.opType !== 'PRelu' || slope === undefined || !isPerChannel(slope.dims)) return [node];
    replaced += 1;
    const a = floatsOf(slope);
    if (a.every((value) => value < 1)) {
      const bent = `${y}_bent`;
      return [
        scale(
          x,
          a.map((value) => value - 1),
          `${y}_scaled`,
        ),
        apply('Relu', [`${y}_scaled`], bent),
        apply('Add', [x, bent], y),
      ];
    }
    return [
      scale(x, a, `${y}_straight`),
      apply('Relu', [x], `${y}_positive`),
      scale(
        `${y}_positive`,
        a.map((value) => 1 - value),
        `${y}_bent`,
      ),
      apply('Add', [`${y}_straight`, `${y}_bent`], y),
    ];
  });

  const used = new Set(graph.node.flatMap(({ input }) => input));
  const unused = new Set(graph.initializer.map(({ name }) => name).filter((name) => !used.has(name)));
  graph.initializer = graph.initializer.filter(({ name }) => !unused.has(name));
  graph.input = graph.input.filter(({ name }) => !unused.has(name));
  return replaced;
}

/** @type {(opType: string, input: string[], y: string) => Node} */
function apply(opType, input, y) {
  return { opType, input, output: [y], attribute: [] };
}

/** Shape [C, 1, 1], more than one channel. @param {readonly number[]} dims */
function isPerChannel(dims) {
  const [channels, ...rest] = dims.map(Number);
  return channels !== undefined && channels > 1 && rest.length === 2 && rest.every((size) => size === 1);
}
