/**
 * WebAssembly instructions as functions that nest like the text format: `i32.add(get(a), i32.const(1))`. Only the
 * instructions that the scan needs. Opcodes: WebAssembly Core Specification 2.0, "Binary Format".
 */
export type Code = readonly number[];

export const get = (local: number): Code => [0x20, ...unsigned(local)];
export const set = (local: number, value: Code): Code => [...value, 0x21, ...unsigned(local)];

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
  lessThanUnsigned: binary(0x49),
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
  and: binarySimd(0x4e),
};

/** 128 bits as eight 16-bit integers. */
export const i16x8 = {
  shiftRightUnsigned: (value: Code, bits: number): Code => [...value, ...i32.const(bits), ...simd(0x8d)],
};

/** 128 bits as four 32-bit integers. */
export const i32x4 = {
  add: binarySimd(0xae),
  /** Multiplies eight pairs of signed 16-bit integers and adds neighbouring products. */
  dotI16x8: binarySimd(0xba),
  extractLane: (value: Code, lane: number): Code => [...value, ...simd(0x1b, lane)],
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
