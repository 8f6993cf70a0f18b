import type { TurnDeg } from '../../../shared/job.js';

export interface Size {
  readonly width: number;
  readonly height: number;
}

/** The size of an image after a clockwise turn. */
export function turnedSize({ width, height }: Size, turn: TurnDeg): Size {
  return turn === 90 || turn === 270 ? { width: height, height: width } : { width, height };
}

/** The SVG transform that turns an image clockwise, and keeps its upper left corner at the origin. */
export function turnTransform({ width, height }: Size, turn: TurnDeg): string {
  switch (turn) {
    case 0:
      return '';
    case 90:
      return `translate(${height} 0) rotate(90)`;
    case 180:
      return `translate(${width} ${height}) rotate(180)`;
    case 270:
      return `translate(0 ${width}) rotate(270)`;
  }
}
