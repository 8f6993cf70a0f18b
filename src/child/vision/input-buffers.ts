/** A photo at the detector's size. Larger inputs are rare, and would keep too much memory. */
const MAX_KEPT_VALUES = 3 * 960 * 960;
/** As many as an engine thread on a CPU has images in flight. */
const MAX_KEPT = 2;

const kept: Float32Array<ArrayBuffer>[] = [];

/**
 * Lends an input for a network until the work with it ends. Inputs are used again, because the system takes as long to
 * provide new memory as it takes to fill it.
 *
 * @param work gets float32 [length], with any values in it
 */
export async function withInput<T>(length: number, work: (input: Float32Array) => Promise<T>): Promise<T> {
  const place = kept.findIndex((buffer) => buffer.length >= length);
  const [buffer = new Float32Array(length)] = place < 0 ? [] : kept.splice(place, 1);
  try {
    return await work(buffer.subarray(0, length));
  } finally {
    if (buffer.length <= MAX_KEPT_VALUES) keep(buffer);
  }
}

/** Keeps the largest buffers, smallest first, so that a small input takes a small one. */
function keep(buffer: Float32Array<ArrayBuffer>): void {
  kept.push(buffer);
  kept.sort((a, b) => a.length - b.length);
  if (kept.length > MAX_KEPT) kept.shift();
}
