import type { Box } from '../../shared/face.js';
import type { FaceProblem, RelativeBox, SelfieFace } from '../../shared/job.js';
import { yawDegOf } from '../../gallery/face-quality.js';
import type { AnalyzedImage, Face } from '../engine/engine.js';

// Beyond these fewer than about 85 % of the selfies match that match otherwise (docs/engine.md, "Selfies").
const MIN_FACE_PX = 28;
const MIN_SHARPNESS = 14;
const MIN_BRIGHTNESS = 10;
const MAX_BRIGHTNESS = 195;
const MAX_YAW_DEG = 45;

/** What a student can do about each problem. */
export const ADVICE: Readonly<Record<FaceProblem, string>> = {
  'too small': 'Your face is very small in this photo. Please take another one from nearer.',
  'too dark': 'Your photo is very dark. Please take another one in better light.',
  'too bright':
    'Your photo is very bright. Please take another one without a light behind or in front of you.',
  blurred: 'Your photo is blurred. Please hold the camera still and take another one.',
  'turned away': 'Your face is turned to the side. Please take another photo facing the camera.',
};

/** A face of a selfie with its quality. */
export function describeFace(face: Face, selfie: Pick<AnalyzedImage, 'widthPx' | 'heightPx'>): SelfieFace {
  const { box, score, sharpness, brightness } = face;
  const quality = {
    sizePx: Math.round(Math.min(box.width, box.height)),
    sharpness,
    brightness,
    yawDeg: Math.round(yawDegOf(face.landmarks)),
  };
  return { box: relativeBoxOf(box, selfie), score, ...quality, problem: problemOf(quality) };
}

function problemOf({
  sizePx,
  sharpness,
  brightness,
  yawDeg,
}: Pick<SelfieFace, 'sizePx' | 'sharpness' | 'brightness' | 'yawDeg'>): FaceProblem | null {
  if (sizePx < MIN_FACE_PX) return 'too small';
  // A dark face is also less sharp: name the cause.
  if (brightness < MIN_BRIGHTNESS) return 'too dark';
  if (brightness > MAX_BRIGHTNESS) return 'too bright';
  if (sharpness < MIN_SHARPNESS) return 'blurred';
  return yawDeg > MAX_YAW_DEG ? 'turned away' : null;
}

export function relativeBoxOf(
  box: Box,
  { widthPx, heightPx }: { readonly widthPx: number; readonly heightPx: number },
): RelativeBox {
  return {
    x: box.x / widthPx,
    y: box.y / heightPx,
    width: box.width / widthPx,
    height: box.height / heightPx,
  };
}
