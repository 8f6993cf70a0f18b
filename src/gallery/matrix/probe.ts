import { interleave } from './dot-kernel.js';

/** The fixed-point value of 1. No sum of the kernel overflows with it. */
export const PROBE_SCALE = 32_767;

/** The face to search for, prepared for the scan. */
export interface Probe {
  /** Length 1: [embeddingSize]. */
  readonly unit: Float64Array;
  /** `unit` times PROBE_SCALE, rounded, in the kernel's order: [rowBytes], padded with 0. */
  readonly fixed: Int16Array;
  /** Sum of `fixed`. */
  readonly sum: number;
  /** Length of the rounding error of `unit`. */
  readonly error: number;
}

/**
 * @param embedding of any length but 0: [embeddingSize]
 * @throws {RangeError} it has no direction
 */
export function createProbe(embedding: Float32Array, rowBytes: number): Probe {
  let squares = 0;
  for (const component of embedding) squares += component * component;
  const length = Math.sqrt(squares);
  if (!(length > 0 && length < Infinity)) {
    throw new RangeError(`Cannot search for an embedding without a direction: its length is ${length}`);
  }
  const unit = new Float64Array(embedding.length);
  const fixed = new Int16Array(rowBytes);
  let sum = 0;
  let errorSquares = 0;
  for (let i = 0; i < unit.length; i += 1) {
    const component = (embedding[i] as number) / length;
    unit[i] = component;
    const rounded = Math.round(component * PROBE_SCALE);
    fixed[interleave(i)] = rounded;
    sum += rounded;
    errorSquares += (component - rounded / PROBE_SCALE) ** 2;
  }
  return { unit, fixed, sum, error: Math.sqrt(errorSquares) };
}
