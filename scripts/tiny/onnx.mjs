/**
 * Writes ONNX files. Only what the tiny models need: float and int64 constants, nodes, one graph.
 *
 * The field numbers are those of onnx.proto3 (github.com/onnx/onnx). A protobuf library would replace
 * the three small wire functions below and still want this schema, so there is none.
 */

/** A protobuf field that is already encoded. @typedef {Buffer} Field */

/**
 * A node of the graph. Attributes: a whole number, a list of whole numbers, or a text.
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
 * An input or output. A text in `shape` is the name of a free dimension; the type is float32 unless told.
 *
 * @typedef {{ name: string, shape: readonly (number | string)[], type?: keyof typeof PORT_TYPES }} Port
 */

// TensorProto.DataType, AttributeProto.AttributeType.
const FLOAT = 1;
const INT64 = 7;
const PORT_TYPES = { float32: FLOAT, uint8: 2, int8: 3, int32: 6 };
const ATTRIBUTE_INT = 2;
const ATTRIBUTE_STRING = 3;
const ATTRIBUTE_INTS = 7;

// Operators as of opset 17, which came with IR version 8.
const OPSET_VERSION = 17;
const IR_VERSION = 8;

/**
 * @param {{ name: string, inputs: readonly Port[], outputs: readonly Port[], nodes: readonly Node[], constants: readonly Constant[] }} graph
 * @returns {Buffer} the .onnx file
 */
export function encodeModel({ name, inputs, outputs, nodes, constants }) {
  const graph = Buffer.concat([
    ...nodes.map((node) => bytesField(1, encodeNode(node))),
    textField(2, name),
    ...constants.map((constant) => bytesField(5, encodeConstant(constant))),
    ...inputs.map((port) => bytesField(11, encodePort(port))),
    ...outputs.map((port) => bytesField(12, encodePort(port))),
  ]);
  return Buffer.concat([
    numberField(1, IR_VERSION),
    textField(2, 'face-search-worker'),
    bytesField(7, graph),
    bytesField(8, numberField(2, OPSET_VERSION)),
  ]);
}

/** @param {Node} node */
function encodeNode({ op, inputs, outputs, attributes = {} }) {
  return Buffer.concat([
    ...inputs.map((name) => textField(1, name)),
    ...outputs.map((name) => textField(2, name)),
    textField(4, op),
    ...Object.entries(attributes).map(([name, value]) => bytesField(5, encodeAttribute(name, value))),
  ]);
}

/**
 * @param {string} name
 * @param {number | string | readonly number[]} value
 */
function encodeAttribute(name, value) {
  if (typeof value === 'number') {
    return Buffer.concat([textField(1, name), numberField(3, value), numberField(20, ATTRIBUTE_INT)]);
  }
  if (typeof value === 'string') {
    return Buffer.concat([textField(1, name), textField(4, value), numberField(20, ATTRIBUTE_STRING)]);
  }
  const items = value.map((item) => numberField(8, item));
  return Buffer.concat([textField(1, name), ...items, numberField(20, ATTRIBUTE_INTS)]);
}

/** @param {Constant} constant */
function encodeConstant({ name, shape, values }) {
  return Buffer.concat([
    ...shape.map((size) => numberField(1, size)),
    numberField(2, values instanceof Float32Array ? FLOAT : INT64),
    textField(8, name),
    bytesField(9, Buffer.from(values.buffer, values.byteOffset, values.byteLength)),
  ]);
}

/** @param {Port} port */
function encodePort({ name, shape, type = 'float32' }) {
  const dimensions = shape.map((size) =>
    bytesField(1, typeof size === 'string' ? textField(2, size) : numberField(1, size)),
  );
  const tensorType = Buffer.concat([
    numberField(1, PORT_TYPES[type]),
    bytesField(2, Buffer.concat(dimensions)),
  ]);
  return Buffer.concat([textField(1, name), bytesField(2, bytesField(1, tensorType))]);
}

/** @type {(field: number, value: number) => Field} */
function numberField(field, value) {
  return Buffer.concat([varint(field << 3), varint(value)]);
}

/** @type {(field: number, value: string) => Field} */
function textField(field, value) {
  return bytesField(field, Buffer.from(value));
}

/** @type {(field: number, value: Buffer) => Field} */
function bytesField(field, value) {
  return Buffer.concat([varint((field << 3) | 2), varint(value.length), value]);
}

/** @param {number} value whole; a negative one becomes its 64-bit two's complement, as int64 fields want it */
function varint(value) {
  const bytes = [];
  let rest = BigInt.asUintN(64, BigInt(value));
  while (rest > 0x7fn) {
    bytes.push(Number(rest & 0x7fn) | 0x80);
    rest >>= 7n;
  }
  bytes.push(Number(rest));
  return Buffer.from(bytes);
}
