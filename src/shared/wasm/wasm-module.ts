import { unsigned, type Code } from './wasm-code.js';

// Value types, and the kinds of imports and exports: WebAssembly Core Specification 2.0, "Binary Format".
const I32 = 0x7f;
const V128 = 0x7b;
const FUNCTION_TYPE = 0x60;
const FUNCTION = 0x00;
const MEMORY = 0x02;
const MAGIC_AND_VERSION = [0x00, 0x61, 0x73, 0x6d, 0x01, 0x00, 0x00, 0x00];
const SECTION = { type: 1, import: 2, function: 3, export: 7, code: 10 };

export const PAGE_BYTES = 65_536;
/** The largest memory of a module with 32-bit addresses: 4 GiB. */
export const MAX_PAGES = 65_536;

/**
 * Maximum of a memory that grows with its images: 64 MB. An image 65,535 pixels wide needs less than 10 MB. Where a process
 * has few addresses (see node-options.ts), V8 reserves the maximum at once.
 */
export const MAX_IMAGE_PAGES = 1024;

export interface WasmFunction {
  readonly name: string;
  /** Locals in order: the parameters (all i32), the i32 locals, the v128 locals. */
  readonly parameters: number;
  readonly i32Locals: number;
  readonly v128Locals: number;
  readonly body: Code;
}

/** Makes a memory at least this large. Views of it from before are empty afterwards. */
export function growTo(memory: WebAssembly.Memory, bytes: number): void {
  const missing = Math.ceil((bytes - memory.buffer.byteLength) / PAGE_BYTES);
  if (missing > 0) memory.grow(missing);
}

/** A module that exports one function without a result and imports its memory as `host.memory`. */
export function encodeModule({ name, parameters, i32Locals, v128Locals, body }: WasmFunction): Uint8Array {
  const locals = list([
    [...unsigned(i32Locals), I32],
    [...unsigned(v128Locals), V128],
  ]);
  const type = [FUNCTION_TYPE, ...sized(Array<number>(parameters).fill(I32)), ...list([])];
  const withLimits = [0x01, ...unsigned(1), ...unsigned(MAX_PAGES)];
  return Uint8Array.from([
    ...MAGIC_AND_VERSION,
    ...section(SECTION.type, [type]),
    ...section(SECTION.import, [[...text('host'), ...text('memory'), MEMORY, ...withLimits]]),
    ...section(SECTION.function, [[0]]),
    ...section(SECTION.export, [[...text(name), FUNCTION, 0]]),
    ...section(SECTION.code, [sized([...locals, ...body, 0x0b])]),
  ]);
}

function section(id: number, entries: readonly Code[]): Code {
  return [id, ...sized(list(entries))];
}

function list(entries: readonly Code[]): Code {
  return [...unsigned(entries.length), ...entries.flat()];
}

function sized(bytes: Code): Code {
  return [...unsigned(bytes.length), ...bytes];
}

function text(value: string): Code {
  return sized([...Buffer.from(value)]);
}
