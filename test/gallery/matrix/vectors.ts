/** Numbers 0..1 that are the same for the same seed: mulberry32 (Tommy Ettinger, public domain). */
export function seededRandom(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}

/** Standard normal components, of any length: [size]. */
export function gaussian(size: number, random: () => number): number[] {
  return Array.from(
    { length: size },
    () => Math.sqrt(-2 * Math.log(1 - random())) * Math.cos(2 * Math.PI * random()),
  );
}

export function normalise(vector: readonly number[]): number[] {
  const length = Math.hypot(...vector);
  return vector.map((component) => component / length);
}

/** As embeddings are stored: component · 32767. */
export function toFixedPoint(unit: readonly number[]): Int16Array {
  return Int16Array.from(unit, (component) => Math.round(component * 32_767));
}

/** A unit vector, stored. */
export function randomEmbedding(size: number, random: () => number): Int16Array {
  return toFixedPoint(normalise(gaussian(size, random)));
}

export function randomProbe(size: number, random: () => number): Float32Array {
  return Float32Array.from(normalise(gaussian(size, random)));
}

/** By the book, in float64; 0 where one has no direction. */
export function cosine(a: ArrayLike<number>, b: ArrayLike<number>): number {
  let [dot, aSquares, bSquares] = [0, 0, 0];
  for (let i = 0; i < a.length; i += 1) {
    const [x, y] = [a[i] as number, b[i] as number];
    dot += x * y;
    aSquares += x * x;
    bSquares += y * y;
  }
  return dot === 0 ? 0 : dot / Math.sqrt(aSquares * bSquares);
}
