import { ATTRIBUTE_TYPES, DATA_TYPES, encodeModel as encode, tensorOf } from '../models/onnx.mjs';

/**
 * A node of the graph. Attributes: a whole number, a list of whole numbers, or a string.
 *
 * @typedef {object} Node
 * @property {string} op
 * @property {readonly string[]} inputs
 * @property {readonly string[]} outputs
 * @property {Readonly<Record<string, number | string | readonly number[]>>} [attributes]
 */

/**
 * A constant, row-major.
 *
 * @typedef {object} Constant
 * @property {string} name
 * @property {readonly number[]} shape
 * @property {Float32Array | BigInt64Array} values
 */

/**
 * An input or output. A string in `shape` is the name of a dynamic dimension. The default type is float32.
 *
 * @typedef {{ name: string, shape: readonly (number | string)[], type?: keyof typeof DATA_TYPES }} Port
 */

// Operators as of opset 17, which came with IR version 8.
const OPSET_VERSION = 17;
const IR_VERSION = 8;

/**
 * @param {{ name: string, inputs: readonly Port[], outputs: readonly Port[], nodes: readonly Node[], constants: readonly Constant[] }} graph
 * @returns {Buffer} the .onnx file
 */
export function encodeModel({ name, inputs, outputs, nodes, constants }) {
  return encode({
    irVersion: IR_VERSION,
    producerName: 'face-search-worker',
    opsetImport: [{ version: OPSET_VERSION }],
    graph: {
      name,
      node: nodes.map((node) => ({
        opType: node.op,
        input: [...node.inputs],
        output: [...node.outputs],
        attribute: Object.entries(node.attributes ?? {}).map(([key, value]) => toAttribute(key, value)),
      })),
      initializer: constants.map((constant) => tensorOf(constant.name, constant.shape, constant.values)),
      input: inputs.map(toValueInfo),
      output: outputs.map(toValueInfo),
      valueInfo: [],
    },
  });
}

/**
 * @param {string} name
 * @param {number | string | readonly number[]} value
 * @returns {import('../models/onnx.mjs').Attribute}
 */
function toAttribute(name, value) {
  if (typeof value === 'number') return { name, type: ATTRIBUTE_TYPES.int, i: value };
  if (typeof value === 'string') return { name, type: ATTRIBUTE_TYPES.string, s: Buffer.from(value) };
  return { name, type: ATTRIBUTE_TYPES.ints, ints: [...value] };
}

/**
 * @param {Port} port
 * @returns {import('../models/onnx.mjs').ValueInfo}
 */
function toValueInfo({ name, shape, type = 'float32' }) {
  const dim = shape.map((size) => (typeof size === 'string' ? { dimParam: size } : { dimValue: size }));
  return { name, type: { tensorType: { elemType: DATA_TYPES[type], shape: { dim } } } };
}
