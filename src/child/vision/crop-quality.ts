import type { RgbImage } from './pixels.js';

/** Image quality of an aligned face. */
export interface CropQuality {
  /**
   * Variance of the Laplacian of the luma, rounded: 0 (flat) to 65,535 (Pech-Pacheco et al., "Diatom autofocusing in
   * brightfield microscopy", 2000). Strongly enlarged or shaken faces have low values.
   */
  readonly sharpness: number;
  /** Mean luma, rounded: 0 (black) to 255 (white). */
  readonly brightness: number;
}

export function cropQualityOf({ data, widthPx, heightPx }: RgbImage): CropQuality {
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
  const variance = squares / count - (sum / count) ** 2;
  return {
    sharpness: Math.min(65_535, Math.round(variance)),
    brightness: Math.round(luma.reduce((total, value) => total + value, 0) / luma.length),
  };
}
