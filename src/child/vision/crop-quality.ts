import type { RgbImage } from './pixels/rgb-image.js';

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
  const luma = new Float32Array(widthPx * heightPx);
  let lumaSum = 0;
  for (let i = 0; i < luma.length; i += 1) {
    // ITU-R BT.601.
    luma[i] =
      0.299 * (data[3 * i] as number) +
      0.587 * (data[3 * i + 1] as number) +
      0.114 * (data[3 * i + 2] as number);
    lumaSum += luma[i] as number;
  }
  let sum = 0;
  let squares = 0;
  for (let y = 1; y < heightPx - 1; y += 1) {
    const end = (y + 1) * widthPx - 1;
    for (let i = y * widthPx + 1; i < end; i += 1) {
      const laplacian =
        (luma[i - 1] as number) +
        (luma[i + 1] as number) +
        (luma[i - widthPx] as number) +
        (luma[i + widthPx] as number) -
        4 * (luma[i] as number);
      sum += laplacian;
      squares += laplacian * laplacian;
    }
  }
  const count = (widthPx - 2) * (heightPx - 2);
  const variance = squares / count - (sum / count) ** 2;
  return {
    sharpness: Math.min(65_535, Math.round(variance)),
    brightness: Math.round(lumaSum / luma.length),
  };
}
