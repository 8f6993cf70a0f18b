import protobuf from 'protobufjs/light.js';

/** TensorProto.DataType */
export const DATA_TYPES = { float32: 1, uint8: 2, int8: 3, int32: 6, int64: 7 };
/** AttributeProto.AttributeType */
export const ATTRIBUTE_TYPES = { float: 1, int: 2, string: 3, ints: 7 };

/** @typedef {{ key?: string, value?: string }} Metadata */
/** @typedef {{ dimValue?: number, dimParam?: string }} Dimension an empty one is unknown */
/** @typedef {{ name: string, type: { tensorType: { elemType: number, shape: { dim: Dimension[] } } } }} ValueInfo */
/** @typedef {{ dims: number[], dataType: number, name: string, floatData?: number[], int64Data?: number[], rawData?: Uint8Array }} Tensor */
/** @typedef {{ name: string, type?: number, f?: number, i?: number, s?: Uint8Array, t?: Tensor, ints?: number[] }} Attribute */
/** @typedef {{ input: string[], output: string[], name?: string, opType: string, domain?: string, attribute: Attribute[] }} Node */
/** @typedef {{ node: Node[], name?: string, initializer: Tensor[], input: ValueInfo[], output: ValueInfo[], valueInfo: ValueInfo[] }} Graph */
/** @typedef {{ irVersion: number, producerName?: string, graph: Graph, opsetImport: { domain?: string, version: number }[] }} Model */

/**
 * The part of onnx.proto3 (github.com/onnx/onnx) that we read or change: [type, field number], and `[]` for a repeated
 * field.
 *
 * @type {Record<string, Record<string, [type: string, id: number]>>}
 */
const MESSAGES = {
  ModelProto: {
    irVersion: ['int64', 1],
    producerName: ['string', 2],
    graph: ['GraphProto', 7],
    opsetImport: ['OperatorSetIdProto[]', 8],
  },
  OperatorSetIdProto: { domain: ['string', 1], version: ['int64', 2] },
  GraphProto: {
    node: ['NodeProto[]', 1],
    name: ['string', 2],
    initializer: ['TensorProto[]', 5],
    input: ['ValueInfoProto[]', 11],
    output: ['ValueInfoProto[]', 12],
    valueInfo: ['ValueInfoProto[]', 13],
  },
  NodeProto: {
    input: ['string[]', 1],
    output: ['string[]', 2],
    name: ['string', 3],
    opType: ['string', 4],
    attribute: ['AttributeProto[]', 5],
    domain: ['string', 7],
  },
  AttributeProto: {
    name: ['string', 1],
    f: ['float', 2],
    i: ['int64', 3],
    s: ['bytes', 4],
    t: ['TensorProto', 5],
    ints: ['int64[]', 8],
    type: ['int32', 20],
  },
  TensorProto: {
    dims: ['int64[]', 1],
    dataType: ['int32', 2],
    floatData: ['float[]', 4],
    int64Data: ['int64[]', 7],
    name: ['string', 8],
    rawData: ['bytes', 9],
  },
  ValueInfoProto: { name: ['string', 1], type: ['TypeProto', 2] },
  TypeProto: { tensorType: ['TensorType', 1] },
  TensorType: { elemType: ['int32', 1], shape: ['TensorShapeProto', 2] },
  TensorShapeProto: { dim: ['Dimension[]', 1] },
  Dimension: { dimValue: ['int64', 1], dimParam: ['string', 2] },
};

const ModelProto = protobuf.Root.fromJSON({
  nested: Object.fromEntries(
    Object.entries(MESSAGES).map(([message, fields]) => [
      message,
      {
        fields: Object.fromEntries(
          Object.entries(fields).map(([name, [type, id]]) => {
            const single = type.replace('[]', '');
            return [name, { id, type: single, ...(single !== type && { rule: 'repeated' }) }];
          }),
        ),
      },
    ]),
  ),
}).lookupType('ModelProto');

/**
 * @param {Uint8Array} file
 * @returns {Model}
 * @throws {Error} it is not protobuf
 */
export function decodeModel(file) {
  const reader = protobuf.Reader.create(file);
  // Fields that are not in MESSAGES stay in the file.
  reader.discardUnknown = false;
  return /** @type {any} */ (ModelProto.decode(reader));
}

/** @param {Model} model */
export function encodeModel(model) {
  return Buffer.from(ModelProto.encode(model).finish());
}

/** @param {Tensor} tensor of float32 */
export function floatsOf({ rawData, floatData = [] }) {
  if (rawData === undefined || rawData.length === 0) return Float32Array.from(floatData);
  return new Float32Array(Uint8Array.from(rawData).buffer);
}

/** @param {Tensor} tensor of int64 */
export function integersOf({ rawData, int64Data = [] }) {
  if (rawData === undefined || rawData.length === 0) return int64Data.map(Number);
  return Array.from(new BigInt64Array(Uint8Array.from(rawData).buffer), Number);
}

/** @type {(name: string, dims: readonly number[], values: Float32Array | BigInt64Array) => Tensor} */
export function tensorOf(name, dims, values) {
  const dataType = values instanceof Float32Array ? DATA_TYPES.float32 : DATA_TYPES.int64;
  return {
    name,
    dims: [...dims],
    dataType,
    rawData: new Uint8Array(values.buffer, values.byteOffset, values.byteLength),
  };
}
