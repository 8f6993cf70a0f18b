/** Pixels in rows from the top left corner: uint8 [height, width, 3], RGB, 0..255. */
export interface RgbImage {
  readonly data: Uint8Array;
  readonly widthPx: number;
  readonly heightPx: number;
}

/** Use it to compare sizes: rounding changes the shorter side of a shrunk image by a larger share. */
export function longerSide({
  widthPx,
  heightPx,
}: {
  readonly widthPx: number;
  readonly heightPx: number;
}): number {
  return Math.max(widthPx, heightPx);
}

/** Input encoding of a model: (x - mean) / scale, with x in 0..255. */
export interface PixelEncoding {
  readonly channels: 'rgb' | 'bgr';
  readonly mean: number;
  readonly scale: number;
}

/** Holds a padded image. It grows to the size of the largest one, which is at most as large as the detector's input. */
let padded = new Uint8Array(0);

/**
 * Writes an image into one image of a tensor that is at least as large, at the top left. The rest becomes black.
 *
 * @param target float32 [3, heightPx, widthPx], in the encoding's channel order
 * @param size of the target; its area is a multiple of 4
 */
export function writePlanes(
  image: RgbImage,
  target: Float32Array,
  size: { readonly widthPx: number; readonly heightPx: number },
  { channels, mean, scale }: PixelEncoding,
): void {
  const area = size.widthPx * size.heightPx;
  const planes = [0, 1, 2].map((plane) => target.subarray(plane * area, (plane + 1) * area));
  const [red, green, blue] = (channels === 'rgb' ? planes : planes.toReversed()) as [
    Float32Array,
    Float32Array,
    Float32Array,
  ];
  const words = wordsOf(image, size);
  const encoded = new Float32Array(256);
  for (let value = 0; value < 256; value += 1) encoded[value] = (value - mean) / scale;
  let word = 0;
  // Three words have four pixels. Reading words instead of bytes takes two thirds of the time. V8 would put each word that
  // is read by destructuring into an object of its own: 7 MB for a photo.
  for (let pixel = 0; pixel < area; pixel += 4, word += 3) {
    const first = words[word] as number;
    const second = words[word + 1] as number;
    const third = words[word + 2] as number;
    red[pixel] = encoded[first & 0xff] as number;
    green[pixel] = encoded[(first >>> 8) & 0xff] as number;
    blue[pixel] = encoded[(first >>> 16) & 0xff] as number;
    red[pixel + 1] = encoded[first >>> 24] as number;
    green[pixel + 1] = encoded[second & 0xff] as number;
    blue[pixel + 1] = encoded[(second >>> 8) & 0xff] as number;
    red[pixel + 2] = encoded[(second >>> 16) & 0xff] as number;
    green[pixel + 2] = encoded[second >>> 24] as number;
    blue[pixel + 2] = encoded[third & 0xff] as number;
    red[pixel + 3] = encoded[(third >>> 8) & 0xff] as number;
    green[pixel + 3] = encoded[(third >>> 16) & 0xff] as number;
    blue[pixel + 3] = encoded[third >>> 24] as number;
  }
}

/** The bytes of an image, padded to a size, as words. The byte order is that of all platforms of onnxruntime-node. */
function wordsOf(
  { data, widthPx, heightPx }: RgbImage,
  size: { readonly widthPx: number; readonly heightPx: number },
): Uint32Array {
  const bytes = 3 * size.widthPx * size.heightPx;
  if (widthPx === size.widthPx && heightPx === size.heightPx && data.byteOffset % 4 === 0) {
    return new Uint32Array(data.buffer, data.byteOffset, bytes / 4);
  }
  if (padded.length < bytes) padded = new Uint8Array(bytes);
  padded.fill(0, 0, bytes);
  for (let y = 0; y < heightPx; y += 1) {
    padded.set(data.subarray(3 * y * widthPx, 3 * (y + 1) * widthPx), 3 * y * size.widthPx);
  }
  return new Uint32Array(padded.buffer, 0, bytes / 4);
}
