import type { Config } from '../shared/config.js';
import type { Box, Landmarks } from '../shared/face.js';

/** Faces outside these limits cannot be told apart reliably and are left out of galleries. */
export type QualityLimits = Config['gallery']['quality'];

/** Admits every face. */
export const NO_LIMITS: QualityLimits = { minFacePx: 0, minSharpness: 0, maxYawDeg: 90 };

export type Flaw = 'too small' | 'blurred' | 'turned away';

interface JudgedFace {
  readonly box: Box;
  readonly landmarks: Landmarks;
  readonly sharpness: number;
}

/** @returns `null` for a face within the limits */
export function flawOf(face: JudgedFace, limits: QualityLimits): Flaw | null {
  if (Math.min(face.box.width, face.box.height) < limits.minFacePx) return 'too small';
  if (yawDegOf(face.landmarks) > limits.maxYawDeg) return 'turned away';
  return face.sharpness < limits.minSharpness ? 'blurred' : null;
}

/**
 * A rough estimate of how far a face is turned to either side: 0 (frontal) to 90 degrees. It rests on the tip of the
 * nose along the line through both eyes: in the middle is 0 degrees, at an eye 60 degrees.
 */
export function yawDegOf([rightEye, leftEye, nose]: Landmarks): number {
  const [dx, dy] = [leftEye.x - rightEye.x, leftEye.y - rightEye.y];
  const distance = dx * dx + dy * dy;
  if (distance === 0) return 90;
  const along = ((nose.x - rightEye.x) * dx + (nose.y - rightEye.y) * dy) / distance;
  return Math.min(90, 60 * Math.abs(2 * along - 1));
}
