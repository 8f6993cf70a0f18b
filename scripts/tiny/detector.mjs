import { FACE_BOX, LANDMARKS } from './drawn-face.mjs';
import { BLUR, TEMPLATE_SIZE, createFaceTemplate } from './face-template.mjs';
import { createGraph } from './graph.mjs';

/** @typedef {import('./graph.mjs').Graph} Graph */

/**
 * Face sizes of the templates, in pixels of a shrunk image: quarter octaves, so that the images at 1/2, 1/4,
 * 1/8 and 1/16 together cover faces from 22 to 380 pixels without a gap.
 */
const TEMPLATE_FACE_SIZES_PX = [11.2, 13, 15.1, 17.6, 20.5, 23.9];

/** The strides, and the shrink factors of the images that each stride searches. */
const STRIDES = [
  { stride: 8, shrinks: [2] },
  { stride: 16, shrinks: [4] },
  { stride: 32, shrinks: [8, 16] },
];

// Luma variance (0..1 scale) below which an image is too flat for a face: a standard deviation of 6 of 255.
const FLAT_VARIANCE = (6 / 255) ** 2;
// Drawn faces correlate with their best template by 0.72 (24 pixels, blurred) to 0.99, the best place of 227
// photographs by 0.70, and noise by less.
const SCORE_MIDPOINT = 0.7;
const SCORE_SLOPE = 20;
// The inner templates of the next image place a face of the outermost size better.
const OUTERMOST_HANDICAP = 0.08;
// Templates and places this much worse than a cell's best do not affect the face's position.
const VOTE_MARGIN = 0.2;

/**
 * A detector with the inputs and outputs of YuNet (github.com/ShiqiYu/libfacedetection.train) that finds
 * drawn faces: normalised cross-correlation of the luma with one template at several sizes.
 *
 * Input `input` float32 [n, 3, h, w], BGR, 0..255, h and w multiples of 32. Outputs `cls_s`, `obj_s`
 * [n, cells, 1], `bbox_s` [n, cells, 4], `kps_s` [n, cells, 10] for each stride s of 8, 16, 32.
 *
 * @returns {Promise<Buffer>} the .onnx file
 */
export async function createDetectorModel() {
  const graph = createGraph('drawn-face-detector');
  const filters = await addFilters(graph);
  const halfLuma = graph.apply('Conv', ['input', halvingLumaWeights(graph)], { strides: [2, 2] });

  for (const { stride, shrinks } of STRIDES) {
    const votes = shrinks.map((shrink) => addCorrelations(graph, filters, halfLuma, { stride, shrink }));
    const correlation = graph.apply('Concat', votes, { axis: 1 });
    const best = graph.apply('ReduceMax', [correlation], { axes: [1], keepdims: 1 });
    const above = graph.apply('Sub', [best, graph.floats([1], [SCORE_MIDPOINT])]);
    const score = graph.apply('Sigmoid', [graph.apply('Mul', [above, graph.floats([1], [SCORE_SLOPE])])]);
    const share = addShares(graph, correlation, best);

    const hypotheses = shrinks.flatMap((shrink) => listHypotheses(stride, shrink));
    addOutput(graph, `cls_${stride}`, score, 1);
    addOutput(graph, `obj_${stride}`, score, 1);
    addOutput(graph, `bbox_${stride}`, addWeightedMean(graph, share, hypotheses.map(describeBox)), 4);
    addOutput(graph, `kps_${stride}`, addWeightedMean(graph, share, hypotheses.map(describeLandmarks)), 10);
  }
  return graph.encode({ name: 'input', shape: ['n', 3, 'h', 'w'] });
}

/** A face that a cell may hold, in strides, from the cell's corner. @typedef {{ x: number, y: number, size: number }} Hypothesis */

/**
 * In the channel order of {@link addCorrelations}.
 *
 * @param {number} stride
 * @param {number} shrink
 * @returns {Hypothesis[]}
 */
function listHypotheses(stride, shrink) {
  const side = stride / shrink;
  const window = side + 2;
  const places = Array.from({ length: window * window }, (_, i) => ({
    x: ((i % window) - 0.5) / side,
    y: (Math.floor(i / window) - 0.5) / side,
  }));
  return TEMPLATE_FACE_SIZES_PX.flatMap((sizePx) =>
    places.map(({ x, y }) => ({ x, y, size: sizePx / side })),
  );
}

/** @param {Hypothesis} face */
function describeBox({ x, y, size }) {
  return [x, y, Math.log(size), Math.log(size)];
}

/** @param {Hypothesis} face */
function describeLandmarks({ x, y, size }) {
  return LANDMARKS.flatMap((landmark) => [
    x + ((landmark.x - FACE_BOX.x) / FACE_BOX.size - 0.5) * size,
    y + ((landmark.y - FACE_BOX.y) / FACE_BOX.size - 0.5) * size,
  ]);
}

/**
 * Weights [1, 3, 2, 2]: the mean ITU-R BT.601 luma (0..1) of four pixels in BGR 0..255.
 *
 * @param {Graph} graph
 */
function halvingLumaWeights(graph) {
  const weights = [0.114, 0.587, 0.299].flatMap((channel) => [channel, channel, channel, channel]);
  return graph.floats(
    [1, 3, 2, 2],
    weights.map((weight) => weight / 4 / 255),
  );
}

/** @param {Graph} graph */
async function addFilters(graph) {
  const templates = await Promise.all(TEMPLATE_FACE_SIZES_PX.map(createFaceTemplate));
  const count = templates.length;
  const columns = templates.flatMap((template) => template.columns);
  const rows = templates.flatMap((template) => template.rows);
  return {
    count,
    kernels: graph.floats(
      [count, 1, TEMPLATE_SIZE, TEMPLATE_SIZE],
      templates.flatMap((template) => template.kernel),
    ),
    blur: graph.floats(
      [1, 1, 3, 3],
      BLUR.flatMap((row) => BLUR.map((column) => row * column)),
    ),
    handicaps: graph.floats(
      [1, count, 1, 1],
      templates.map((_, i) => (i === 0 || i === count - 1 ? OUTERMOST_HANDICAP : 0)),
    ),
    // Twice: for the luma and for its square.
    columns: graph.floats([2 * count, 1, 1, TEMPLATE_SIZE], [...columns, ...columns]),
    rows: graph.floats([2 * count, 1, TEMPLATE_SIZE, 1], [...rows, ...rows]),
  };
}

/**
 * Correlation of every template with every place of the image shrunk by `shrink`: [n, templates x
 * places of a cell's window, rows, columns] of the stride's cells.
 *
 * @param {Graph} graph
 * @param {Awaited<ReturnType<typeof addFilters>>} filters
 * @param {string} halfLuma at half the image's size
 * @param {{ stride: number, shrink: number }} level
 */
function addCorrelations(graph, filters, halfLuma, { stride, shrink }) {
  const { count } = filters;
  const margin = (TEMPLATE_SIZE - 1) / 2;
  const size = [shrink / 2, shrink / 2];
  const sharp = graph.apply('AveragePool', [halfLuma], { kernel_shape: size, strides: size });
  const small = graph.apply('Conv', [sharp, filters.blur], { pads: [1, 1, 1, 1] });
  const product = graph.apply('Conv', [small, filters.kernels], { pads: [margin, margin, margin, margin] });

  const moments = graph.apply('Concat', [small, graph.apply('Mul', [small, small])], { axis: 1 });
  const narrow = graph.apply('Conv', [moments, filters.columns], { group: 2, pads: [0, margin, 0, margin] });
  const means = graph.apply('Conv', [narrow, filters.rows], {
    group: 2 * count,
    pads: [margin, 0, margin, 0],
  });
  const mean = addSlice(graph, means, 0, count);
  const meanSquare = addSlice(graph, means, count, 2 * count);
  const variance = graph.apply('Sub', [meanSquare, graph.apply('Mul', [mean, mean])]);
  const deviation = graph.apply('Sqrt', [graph.apply('Max', [variance, graph.floats([1], [FLAT_VARIANCE])])]);

  const correlation = graph.apply('Sub', [graph.apply('Div', [product, deviation]), filters.handicaps]);
  return addWindows(graph, correlation, count, stride / shrink);
}

/**
 * Collects, for each cell of `side` x `side` places, the places in it and those around it, so that a
 * face on the border of two cells is placed as well as any other. [n, maps x places, rows, columns].
 *
 * @param {Graph} graph
 * @param {string} maps [n, count, rows x side, columns x side]
 * @param {number} count
 * @param {number} side
 */
function addWindows(graph, maps, count, side) {
  const window = side + 2;
  const places = window * window;
  const pick = Array.from({ length: places * places }, (_, i) => (i % (places + 1) === 0 ? 1 : 0));
  const picks = Array.from({ length: count }, () => pick).flat();
  return graph.apply('Conv', [maps, graph.floats([count * places, 1, window, window], picks)], {
    group: count,
    strides: [side, side],
    pads: [1, 1, 1, 1],
  });
}

/**
 * Channels `from` to `to` (exclusive).
 *
 * @param {Graph} graph
 * @param {string} tensor
 * @param {number} from
 * @param {number} to
 */
function addSlice(graph, tensor, from, to) {
  return graph.apply('Slice', [tensor, graph.integers([from]), graph.integers([to]), graph.integers([1])]);
}

/**
 * The weight of each hypothesis of a cell, 0..1, with a sum of 1: [n, hypotheses, rows, columns]. All good
 * hypotheses count, which places a face between two pixels and between two template sizes.
 *
 * @param {Graph} graph
 * @param {string} correlation
 * @param {string} best
 */
function addShares(graph, correlation, best) {
  const least = graph.apply('Sub', [best, graph.floats([1], [VOTE_MARGIN])]);
  const votes = graph.apply('Relu', [graph.apply('Sub', [correlation, least])]);
  const total = graph.apply('ReduceSum', [votes, graph.integers([1])], { keepdims: 1 });
  return graph.apply('Div', [votes, total]);
}

/**
 * The hypotheses' values, weighted by each cell's shares: [n, values, rows, columns].
 *
 * @param {Graph} graph
 * @param {string} share
 * @param {readonly (readonly number[])[]} values a list for each hypothesis
 */
function addWeightedMean(graph, share, values) {
  const width = values[0]?.length ?? 0;
  const weights = Array.from({ length: width }, (_, i) => values.map((list) => list[i] ?? 0)).flat();
  return graph.apply('Conv', [share, graph.floats([width, values.length, 1, 1], weights)]);
}

/**
 * Outputs [n, width, rows, columns] as [n, cells, width].
 *
 * @param {Graph} graph
 * @param {string} name
 * @param {string} tensor
 * @param {number} width
 */
function addOutput(graph, name, tensor, width) {
  const last = graph.apply('Transpose', [tensor], { perm: [0, 2, 3, 1] });
  const flat = graph.apply('Reshape', [last, graph.integers([0, -1, width])]);
  graph.addOutput(flat, { name, shape: ['n', `cells_${name}`, width] });
}
