import { encodeModel } from './onnx.mjs';

/** @typedef {import('./onnx.mjs').Node} Node */
/** @typedef {import('./onnx.mjs').Constant} Constant */
/** @typedef {import('./onnx.mjs').Port} Port */

/** A graph builder. Tensors are identified by their names. @typedef {ReturnType<typeof createGraph>} Graph */

/** @param {string} name */
export function createGraph(name) {
  /** @type {Node[]} */
  const nodes = [];
  /** @type {Constant[]} */
  const constants = [];
  /** @type {Port[]} */
  const outputs = [];

  /** @type {(shape: readonly number[], values: Float32Array | BigInt64Array) => string} */
  const addConstant = (shape, values) => {
    const constant = { name: `constant_${constants.length}`, shape, values };
    constants.push(constant);
    return constant.name;
  };

  return {
    /**
     * A float32 constant, row-major. Returns its name.
     *
     * @param {readonly number[]} shape
     * @param {Iterable<number>} values
     */
    floats: (shape, values) => addConstant(shape, Float32Array.from(values)),

    /**
     * A list of int64. Returns its name.
     *
     * @param {readonly number[]} values
     */
    integers: (values) => addConstant([values.length], BigInt64Array.from(values, BigInt)),

    /**
     * Adds a node with one output. Returns that output's name.
     *
     * @param {string} op
     * @param {readonly string[]} inputs
     * @param {Node['attributes']} [attributes]
     */
    apply(op, inputs, attributes = {}) {
      const output = `${op}_${nodes.length}`;
      nodes.push({ op, inputs, outputs: [output], attributes });
      return output;
    },

    /**
     * Makes a tensor an output of the graph, under a new name.
     *
     * @param {string} tensor
     * @param {Port} port
     */
    addOutput(tensor, port) {
      nodes.push({ op: 'Identity', inputs: [tensor], outputs: [port.name] });
      outputs.push(port);
    },

    /**
     * @param {Port} input
     * @returns {Buffer} the .onnx file
     */
    encode: (input) => encodeModel({ name, inputs: [input], outputs, nodes, constants }),
  };
}
