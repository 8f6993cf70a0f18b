import type { Config } from '../shared/config.js';
import type { Box, Landmarks } from '../shared/face.js';

/** A face outside these limits says too little of whose it is, and is kept out of a gallery. */
export type QualityLimits = Config['gallery']['quality'];

export type Flaw = 'too small' | 'blurred' | 'turned away';

interface JudgedFace {
  readonly box: Box;
  readonly landmarks: Landmarks;
  readonly sharpness: number;
}

/** @returns `null` for a face that is good enough */
export function flawOf(face: JudgedFace, limits: QualityLimits): Flaw | null {
  if (Math.min(face.box.width, face.box.height) < limits.minFacePx) return 'too small';
  if (yawDegOf(face.landmarks) > limits.maxYawDeg) return 'turned away';
  return face.sharpness < limits.minSharpness ? 'blurred' : null;
}

/**
 * How far a face is turned to either side: 0 (frontal) to 90 degrees, a rough estimate. The tip of the nose moves
 * from the middle between the eyes (0) to one of them (1, taken for 60 degrees) along the line through both.
 */
export function yawDegOf([rightEye, leftEye, nose]: Landmarks): number {
  const [dx, dy] = [leftEye.x - rightEye.x, leftEye.y - rightEye.y];
  const distance = dx * dx + dy * dy;
  if (distance === 0) return 90;
  const along = ((nose.x - rightEye.x) * dx + (nose.y - rightEye.y) * dy) / distance;
  return Math.min(90, 60 * Math.abs(2 * along - 1));
}
