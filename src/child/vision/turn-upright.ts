import sharp from 'sharp';
import type { Landmarks, Point } from '../../shared/face.js';
import type { TurnDeg } from '../../shared/job.js';
import type { DetectorModel } from '../../shared/model-pack.js';
import { type DetectedFace, detectFaces, type RunDetector } from './detect.js';
import { type FoundFaces, scaleFaces } from './find-faces.js';
import { pickMainFace } from './pick-main-face.js';
import type { RgbImage } from './pixels.js';

/** 99 % of the upright faces in LFW have a higher detection score, and hardly any face that is sideways or upside down. */
const SURE_SCORE = 0.915;
/** Another orientation must score higher by this much, so that a poor upright face stays as it is. */
const BETTER_BY = 0.01;
const MAX_ROLL_DEG = 45;
/** Cameras and programs lose the EXIF orientation of photos held sideways more often than upside down. */
const TURNS_DEG = [90, 270, 180] as const;

export interface UprightFaces extends FoundFaces {
  /** Clockwise turn of the image. */
  readonly turnedDeg: TurnDeg;
  /** Whether the main face, if any, has a lower detection score than nearly every upright face. */
  readonly doubtful: boolean;
}

/**
 * Tries the other three orientations of an image whose main face is doubtful, and takes the one with the best score. An
 * image with a sure face costs nothing more.
 */
export async function turnUpright(
  found: FoundFaces,
  model: DetectorModel,
  run: RunDetector,
): Promise<UprightFaces> {
  const main = pickMainFace(found.faces, found.image);
  if (main !== null && isSure(main)) return { ...found, turnedDeg: 0, doubtful: false };

  let best: {
    turnedDeg: TurnDeg;
    small: RgbImage;
    faces: readonly DetectedFace[];
    main: DetectedFace;
  } | null = null;
  for (const turnedDeg of TURNS_DEG) {
    const turned = await turn(found.small, turnedDeg);
    const [faces = []] = await detectFaces([turned], model, run);
    const candidate = pickMainFace(faces, turned);
    if (candidate === null) continue;
    if (best === null || candidate.score > best.main.score) {
      best = { turnedDeg, small: turned, faces, main: candidate };
    }
  }
  if (best === null || best.main.score < (main?.score ?? 0) + BETTER_BY) {
    return { ...found, turnedDeg: 0, doubtful: true };
  }
  const image = await turn(found.image, best.turnedDeg);
  const faces = scaleFaces(best.faces, best.small, image);
  return { image, small: best.small, faces, turnedDeg: best.turnedDeg, doubtful: !isSure(best.main) };
}

/**
 * Where a face of a turned image is in the image before the turn.
 *
 * @param size of the turned image
 */
export function turnBack(
  { box, landmarks }: Pick<DetectedFace, 'box' | 'landmarks'>,
  { widthPx, heightPx }: { readonly widthPx: number; readonly heightPx: number },
  turnedDeg: TurnDeg,
): Pick<DetectedFace, 'box' | 'landmarks'> {
  if (turnedDeg === 0) return { box, landmarks };
  const back = ({ x, y }: Point): Point => {
    if (turnedDeg === 180) return { x: widthPx - x, y: heightPx - y };
    return turnedDeg === 90 ? { x: y, y: widthPx - x } : { x: heightPx - y, y: x };
  };
  const [a, b, c, d, e] = landmarks;
  const [corner, opposite] = [back(box), back({ x: box.x + box.width, y: box.y + box.height })];
  return {
    box: {
      x: Math.min(corner.x, opposite.x),
      y: Math.min(corner.y, opposite.y),
      width: Math.abs(opposite.x - corner.x),
      height: Math.abs(opposite.y - corner.y),
    },
    landmarks: [back(a), back(b), back(c), back(d), back(e)],
  };
}

function isSure({ score, landmarks }: DetectedFace): boolean {
  return score >= SURE_SCORE && Math.abs(rollDegOf(landmarks)) <= MAX_ROLL_DEG;
}

/** Angle of the line through both eyes: -180 to 180, 0 for an upright face. */
function rollDegOf([rightEye, leftEye]: Landmarks): number {
  return (Math.atan2(leftEye.y - rightEye.y, leftEye.x - rightEye.x) * 180) / Math.PI;
}

/** @param turnDeg clockwise */
async function turn({ data, widthPx, heightPx }: RgbImage, turnDeg: TurnDeg): Promise<RgbImage> {
  const turned = await sharp(data, { raw: { width: widthPx, height: heightPx, channels: 3 } })
    .rotate(turnDeg)
    .raw()
    .toBuffer({ resolveWithObject: true });
  return { data: turned.data, widthPx: turned.info.width, heightPx: turned.info.height };
}
