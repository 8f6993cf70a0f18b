/**
 * The encoding of a row: an int16 embedding as two bytes a component in two planes, so that the scan reads only the
 * first plane.
 *
 * The embedding is shifted left as far as 16 bits allow, which loses nothing and keeps the direction: w. Then
 * w + 32768 = 256 · leading + trailing, both 0..255. The leading byte alone dequantises to 256 · leading - 32640, the
 * middle of the 256 possible values; the error e is at most 128 a component.
 */
export interface RowFactors {
  /** 1 / |w|, or 0 for a row of zeros, which has no direction. */
  readonly perLength: number;
  /** |e| / |w|: the largest error of a cosine from the leading bytes alone (Cauchy, Schwarz). */
  readonly slack: number;
}

/** 256 · leading + LEADING_OFFSET is the dequantised value of a component. */
export const LEADING_OFFSET = -32_640;

/** @param leading,trailing uint8 [embeddingSize], written */
export function encodeRow(embedding: Int16Array, leading: Uint8Array, trailing: Uint8Array): RowFactors {
  let largest = 0;
  for (const component of embedding) largest = Math.max(largest, Math.abs(component));
  // A 32-bit integer of 15 bits has 17 leading zeros. An int16 has 15 bits and a sign.
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

/** The value of a component: -32768..32767. */
export function dequantise(leading: number, trailing: number): number {
  return 256 * leading + trailing - 32_768;
}

/**
 * Cosine similarity (-1..1) of a row with a unit vector, from both planes; 0 for a row of zeros.
 *
 * @param bytes holds the planes; `leading` and `trailing` are the row's first bytes in them
 */
export function cosineOf(unit: Float64Array, bytes: Uint8Array, leading: number, trailing: number): number {
  let dot = 0;
  let squares = 0;
  for (let i = 0; i < unit.length; i += 1) {
    const component = dequantise(bytes[leading + i] as number, bytes[trailing + i] as number);
    dot += component * (unit[i] as number);
    squares += component * component;
  }
  return squares === 0 ? 0 : dot / Math.sqrt(squares);
}
