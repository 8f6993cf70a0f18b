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

/**
 * Writes an image into the top left corner of one image of a tensor; the other values stay unchanged.
 *
 * @param target float32 [3, heightPx, widthPx], in the encoding's channel order
 */
export function writePlanes(
  image: RgbImage,
  target: Float32Array,
  size: { readonly widthPx: number; readonly heightPx: number },
  { channels, mean, scale }: PixelEncoding,
): void {
  const plane = size.widthPx * size.heightPx;
  const [first, second, third] = channels === 'rgb' ? [0, plane, 2 * plane] : [2 * plane, plane, 0];
  const factor = 1 / scale;
  const encoded = Float32Array.from({ length: 256 }, (_, value) => (value - mean) * factor);
  const { data, widthPx, heightPx } = image;
  let source = 0;
  for (let y = 0; y < heightPx; y += 1) {
    const start = y * size.widthPx;
    const end = start + widthPx;
    for (let pixel = start; pixel < end; pixel += 1, source += 3) {
      target[first + pixel] = encoded[data[source] as number] as number;
      target[second + pixel] = encoded[data[source + 1] as number] as number;
      target[third + pixel] = encoded[data[source + 2] as number] as number;
    }
  }
}
