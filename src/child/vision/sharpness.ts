import type { RgbImage } from './pixels.js';

/**
 * How sharp an aligned face is: the variance of the Laplacian of its luma (0..255), rounded, at most 65535
 * (Pech-Pacheco et al., "Diatom autofocusing in brightfield microscopy", 2000). Flat is 0; a face that was
 * enlarged much, or shaken, is low.
 */
export function sharpnessOf({ data, widthPx, heightPx }: RgbImage): number {
  // ITU-R BT.601.
  const luma = Float32Array.from(
    { length: widthPx * heightPx },
    (_, i) => 0.299 * (data[3 * i] ?? 0) + 0.587 * (data[3 * i + 1] ?? 0) + 0.114 * (data[3 * i + 2] ?? 0),
  );
  const at = (index: number): number => luma[index] ?? 0;
  let sum = 0;
  let squares = 0;
  for (let y = 1; y < heightPx - 1; y += 1) {
    for (let x = 1; x < widthPx - 1; x += 1) {
      const i = y * widthPx + x;
      const laplacian = at(i - 1) + at(i + 1) + at(i - widthPx) + at(i + widthPx) - 4 * at(i);
      sum += laplacian;
      squares += laplacian * laplacian;
    }
  }
  const count = (widthPx - 2) * (heightPx - 2);
  return Math.min(65_535, Math.round(squares / count - (sum / count) ** 2));
}
