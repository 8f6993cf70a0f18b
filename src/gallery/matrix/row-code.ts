/**
 * How a row is kept: an int16 embedding as two bytes a component, which lie in two planes, so that the scan reads
 * only the first one.
 *
 * The embedding is shifted left as far as 16 bits allow, which loses nothing and leaves the direction as it is:
 * w. Then w + 32768 = 256 · leading + trailing, both 0..255. Of w the leading byte alone tells 256 · leading -
 * 32640 (the middle of the 256 values it leaves open); the rest e is at most 128 a component.
 */
export interface RowFactors {
  /** 1 / |w|, 0 for a row of zeros, which has no direction. */
  readonly perLength: number;
  /** |e| / |w|: how far the cosine with a unit vector can lie from what the leading bytes tell (Cauchy, Schwarz). */
  readonly slack: number;
}

/** 256 · leading + LEADING_OFFSET is what the leading byte tells of a component. */
export const LEADING_OFFSET = -32_640;

/** @param leading,trailing uint8 [embeddingSize], written */
export function encodeRow(embedding: Int16Array, leading: Uint8Array, trailing: Uint8Array): RowFactors {
  let largest = 0;
  for (const component of embedding) largest = Math.max(largest, Math.abs(component));
  // A 32-bit integer has 17 leading zeros when it needs 15 bits, the most that an int16 has beside its sign.
  const shift = Math.max(0, Math.clz32(largest) - 17);

  let squares = 0;
  let restSquares = 0;
  for (let i = 0; i < embedding.length; i += 1) {
    const shifted = (embedding[i] as number) << shift;
    const biased = shifted + 32_768;
    leading[i] = biased >> 8;
    trailing[i] = biased & 0xff;
    squares += shifted ** 2;
    restSquares += ((biased & 0xff) - 128) ** 2;
  }
  if (squares === 0) return { perLength: 0, slack: 0 };
  return { perLength: 1 / Math.sqrt(squares), slack: Math.sqrt(restSquares / squares) };
}

/** What both bytes tell of a component: -32768..32767. */
export function decodeComponent(leading: number, trailing: number): number {
  return 256 * leading + trailing - 32_768;
}

/**
 * Cosine similarity (-1..1) of a row with a unit vector, from all that is kept of the row; 0 for a row of zeros.
 *
 * @param bytes where the planes lie; `leading` and `trailing` are where the row begins in them
 */
export function cosineOf(unit: Float64Array, bytes: Uint8Array, leading: number, trailing: number): number {
  let dot = 0;
  let squares = 0;
  for (let i = 0; i < unit.length; i += 1) {
    const component = decodeComponent(bytes[leading + i] as number, bytes[trailing + i] as number);
    dot += component * (unit[i] as number);
    squares += component * component;
  }
  return squares === 0 ? 0 : dot / Math.sqrt(squares);
}
