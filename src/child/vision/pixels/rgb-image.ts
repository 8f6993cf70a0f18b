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
