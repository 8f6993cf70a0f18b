/**
 * WebAssembly instructions as functions that nest like the text format: `i32.add(get(a), i32.const(1))`. Only the
 * instructions that the kernels need. Opcodes: WebAssembly Core Specification 2.0, "Binary Format".
 */
export type Code = readonly number[];

export const get = (local: number): Code => [0x20, ...unsigned(local)];
export const set = (local: number, value: Code): Code => [...value, 0x21, ...unsigned(local)];
/** `first` if the condition (i32) is true, else `second`. Computes both. */
export const select = (condition: Code, first: Code, second: Code): Code => [
  ...first,
  ...second,
  ...condition,
  0x1b,
];

/** A do-while loop: runs the body, and repeats it while the condition (i32) is true. */
export const loopWhile = (condition: Code, ...body: readonly Code[]): Code => [
  0x03,
  0x40,
  ...body.flat(),
  ...condition,
  0x0d,
  0x00,
  0x0b,
];

export const i32 = {
  const: (value: number): Code => [0x41, ...signed(value)],
  add: binary(0x6a),
  subtract: binary(0x6b),
  multiply: binary(0x6c),
  and: binary(0x71),
  or: binary(0x72),
  shiftLeft: binary(0x74),
  /** Copies the sign. */
  shiftRight: binary(0x75),
  lessThan: binary(0x48),
  greaterThan: binary(0x4a),
  lessThanUnsigned: binary(0x49),
  load: (address: Code, offset: number): Code => [...address, 0x28, 2, ...unsigned(offset)],
  store: (address: Code, offset: number, value: Code): Code => [
    ...address,
    ...value,
    0x36,
    2,
    ...unsigned(offset),
  ],
};

/** Adds a number to a local. */
export const advance = (local: number, by: number): Code => set(local, i32.add(get(local), i32.const(by)));

/** Operations on 128 bits at once. */
export const v128 = {
  const: (bytes: readonly number[]): Code => simd(0x0c, ...bytes),
  load: (address: Code, offset: number): Code => [...address, ...simd(0x00, 4, ...unsigned(offset))],
  /** Eight bytes, followed by zeros. */
  loadHalf: (address: Code, offset: number): Code => [...address, ...simd(0x5d, 0, ...unsigned(offset))],
  /** 32 bits, four times. */
  loadSplat32: (address: Code, offset: number): Code => [...address, ...simd(0x09, 2, ...unsigned(offset))],
  store: (address: Code, offset: number, value: Code): Code => [
    ...address,
    ...value,
    ...simd(0x0b, 4, ...unsigned(offset)),
  ],
  and: binarySimd(0x4e),
};

/** 128 bits as sixteen bytes. */
export const i8x16 = {
  /** The bytes at the given indices; 0 where an index is larger than 15. */
  pick: (bytes: Code, indices: readonly number[]): Code => [...bytes, ...v128.const(indices), ...simd(0x0e)],
  /** The 16-bit integers of both, limited to 0..255. */
  narrow: binarySimd(0x66),
};

/** 128 bits as eight 16-bit integers. */
export const i16x8 = {
  splat: (value: Code): Code => [...value, ...simd(0x10)],
  add: binarySimd(0x8e),
  /** The lower 16 bits of the products. */
  multiply: binarySimd(0x95),
  /** The 32-bit integers of both, limited to 16 bits. */
  narrow: binarySimd(0x85),
  shiftRightUnsigned: (value: Code, bits: number): Code => [...value, ...i32.const(bits), ...simd(0x8d)],
};

/** 128 bits as four 32-bit integers. */
export const i32x4 = {
  splat: (value: Code): Code => [...value, ...simd(0x11)],
  add: binarySimd(0xae),
  shiftRightUnsigned: (value: Code, bits: Code): Code => [...value, ...bits, ...simd(0xad)],
  /** Multiplies eight pairs of signed 16-bit integers and adds neighbouring products. */
  dotI16x8: binarySimd(0xba),
  extractLane: (value: Code, lane: number): Code => [...value, ...simd(0x1b, lane)],
};

/** 128 bits as four 32-bit floating-point numbers. */
export const f32x4 = {
  fromI32x4: (value: Code): Code => [...value, ...simd(0xfa)],
  subtract: binarySimd(0xe5),
  multiply: binarySimd(0xe6),
};

function binary(opcode: number) {
  return (left: Code, right: Code): Code => [...left, ...right, opcode];
}

export function binarySimd(opcode: number) {
  return (left: Code, right: Code): Code => [...left, ...right, ...simd(opcode)];
}

export function simd(opcode: number, ...immediates: readonly number[]): Code {
  return [0xfd, ...unsigned(opcode), ...immediates];
}

/** Unsigned LEB128. */
export function unsigned(value: number): number[] {
  const bytes: number[] = [];
  let rest = value;
  while (rest > 0x7f) {
    bytes.push((rest % 0x80) | 0x80);
    rest = Math.floor(rest / 0x80);
  }
  return [...bytes, rest];
}

/** Signed LEB128 of a 32-bit integer. */
function signed(value: number): number[] {
  const bytes: number[] = [];
  let rest = value;
  while (rest < -0x40 || rest > 0x3f) {
    bytes.push((rest & 0x7f) | 0x80);
    rest >>= 7;
  }
  return [...bytes, rest & 0x7f];
}
