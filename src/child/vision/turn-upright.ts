import sharp from 'sharp';
import type { Box, Landmarks, Point } from '../../shared/face.js';
import type { TurnDeg } from '../../shared/job.js';
import type { DetectorModel } from '../../shared/model-pack.js';
import { type DetectedFace, detectFaces, moveFace, type RunDetector, scaleFace } from './detect.js';
import { DETECTOR_SIDE_PX, type FoundFaces, scaleFaces } from './find-faces.js';
import { suppressNonMaxima } from './nms.js';
import { pickMainFace } from './pick-main-face.js';
import { longerSide, type RgbImage } from './pixels/rgb-image.js';
import { shrink } from './pixels/resample.js';

/** 99 % of the upright faces in LFW have a higher detection score, and hardly any face that is sideways or upside down. */
const SURE_SCORE = 0.915;
/** Another orientation must score higher by this much, so that a poor upright face stays as it is. */
const BETTER_BY = 0.01;
const MAX_ROLL_DEG = 45;
/** Width of the black border, relative to the longer side. Without it, a face that fills the image gets a low score. */
const BORDER_SHARE = 0.4;
/** Cameras and programs lose the EXIF orientation of photos held sideways more often than upside down. */
const TURNS_DEG = [90, 270, 180] as const;

export interface UprightFaces extends FoundFaces {
  /** Clockwise turn of the image. */
  readonly turnedDeg: TurnDeg;
  /** Whether the main face, if any, has a lower detection score than nearly every upright face. */
  readonly doubtful: boolean;
}

/**
 * Tries the other three orientations of an image whose main face is doubtful, and takes the one with the best score. If a
 * face fills the image, or none is found, it tries all four with a border. An image with a sure face costs nothing more.
 */
export async function turnUpright(
  found: FoundFaces,
  model: DetectorModel,
  run: RunDetector,
): Promise<UprightFaces> {
  const main = pickMainFace(found.faces, found.image);
  if (main !== null && isSure(main)) return { ...found, turnedDeg: 0, doubtful: false };

  const plain = await lookAround(found.small, 0, TURNS_DEG, model, run);
  const seen = plain.map((look) => look.main);
  if (main !== null) seen.push(scaleFace(main, longerSide(found.small) / longerSide(found.image)));
  const needsBorder = seen.length === 0 || seen.some(({ box }) => fillsImage(box, found.small));
  const looks = needsBorder
    ? await lookAround(found.small, BORDER_SHARE, [0, ...TURNS_DEG], model, run)
    : plain;

  const upright = looks.find(({ turnedDeg }) => turnedDeg === 0);
  const uprightScore = Math.max(main?.score ?? 0, upright?.main.score ?? 0);
  const best = looks
    .filter(({ turnedDeg, main: { score } }) => turnedDeg !== 0 && score >= uprightScore + BETTER_BY)
    .toSorted((a, b) => b.main.score - a.main.score)[0];
  if (best === undefined) {
    // The first search may have looked more closely, and found smaller faces.
    const faces = suppressNonMaxima(
      [...scaleFaces(upright?.faces ?? [], found.small, found.image), ...found.faces],
      model.iouThreshold,
    );
    const clearest = pickMainFace(faces, found.image);
    return { ...found, faces, turnedDeg: 0, doubtful: clearest === null || !isSure(clearest) };
  }
  const [image, small] = [await turn(found.image, best.turnedDeg), await turn(found.small, best.turnedDeg)];
  const faces = scaleFaces(best.faces, small, image);
  return { image, small, faces, turnedDeg: best.turnedDeg, doubtful: !isSure(best.main) };
}

interface Look {
  readonly turnedDeg: TurnDeg;
  /** In pixels of the turned copy without its border. */
  readonly faces: readonly DetectedFace[];
  readonly main: DetectedFace;
}

/**
 * Searches a copy in some orientations.
 *
 * @param borderShare width of the border, relative to the longer side
 * @returns those with a face
 */
async function lookAround(
  small: RgbImage,
  borderShare: number,
  turnsDeg: readonly TurnDeg[],
  model: DetectorModel,
  run: RunDetector,
): Promise<Look[]> {
  // With its border, too, the copy is no larger than in the first search.
  const inner = shrink(small, Math.floor(DETECTOR_SIDE_PX / (1 + 2 * borderShare)));
  const borderPx = Math.round(borderShare * longerSide(inner));
  const bordered = await addBorder(inner, borderPx);
  const toSmall = longerSide(small) / longerSide(inner);
  const looks: Look[] = [];
  for (const turnedDeg of turnsDeg) {
    const [detected = []] = await detectFaces([await turn(bordered, turnedDeg)], model, run);
    const { widthPx, heightPx } = small;
    const size = turnedDeg % 180 === 0 ? { widthPx, heightPx } : { widthPx: heightPx, heightPx: widthPx };
    const faces = detected
      .map((face) => scaleFace(moveFace(face, { x: -borderPx, y: -borderPx }), toSmall))
      .filter(({ box }) => isMostlyInside(box, size));
    const main = pickMainFace(faces, size);
    if (main !== null) looks.push({ turnedDeg, faces, main });
  }
  return looks;
}

async function addBorder(image: RgbImage, borderPx: number): Promise<RgbImage> {
  if (borderPx === 0) return image;
  const { data, info } = await sharp(image.data, {
    raw: { width: image.widthPx, height: image.heightPx, channels: 3 },
  })
    .extend({ top: borderPx, bottom: borderPx, left: borderPx, right: borderPx, background: '#000000' })
    .raw()
    .toBuffer({ resolveWithObject: true });
  return { data, widthPx: info.width, heightPx: info.height };
}

/** Whether a face covers so much of an image that the detector may need a border around it (docs/engine-figures.md). */
function fillsImage({ width, height }: Box, { widthPx, heightPx }: RgbImage): boolean {
  return width * height > (widthPx * heightPx) / 4;
}

/** Whether at least half of a box lies in the image. */
function isMostlyInside(
  { x, y, width, height }: Box,
  { widthPx, heightPx }: { readonly widthPx: number; readonly heightPx: number },
): boolean {
  const insideX = Math.min(x + width, widthPx) - Math.max(x, 0);
  const insideY = Math.min(y + height, heightPx) - Math.max(y, 0);
  return insideX > 0 && insideY > 0 && insideX * insideY >= (width * height) / 2;
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
async function turn(image: RgbImage, turnDeg: TurnDeg): Promise<RgbImage> {
  if (turnDeg === 0) return image;
  const { data, widthPx, heightPx } = image;
  const turned = await sharp(data, { raw: { width: widthPx, height: heightPx, channels: 3 } })
    .rotate(turnDeg)
    .raw()
    .toBuffer({ resolveWithObject: true });
  return { data: turned.data, widthPx: turned.info.width, heightPx: turned.info.height };
}
