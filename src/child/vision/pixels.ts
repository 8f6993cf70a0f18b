/** Pixels in rows from the top left corner: uint8 [height, width, 3], RGB, 0..255. */
export interface RgbImage {
  readonly data: Uint8Array;
  readonly widthPx: number;
  readonly heightPx: number;
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
  let source = 0;
  for (let y = 0; y < image.heightPx; y += 1) {
    let pixel = y * size.widthPx;
    for (let x = 0; x < image.widthPx; x += 1, pixel += 1, source += 3) {
      target[first + pixel] = ((image.data[source] ?? 0) - mean) * factor;
      target[second + pixel] = ((image.data[source + 1] ?? 0) - mean) * factor;
      target[third + pixel] = ((image.data[source + 2] ?? 0) - mean) * factor;
    }
  }
}
