import type { Landmarks, Point } from '../inference/engine.js';
import type { DetectorModel } from '../inference/model-files.js';
import { cutOut, fitSimilarity, type Similarity, TEMPLATE } from './align.js';
import { type DetectedFace, detectFaces, type RunDetector } from './detect.js';
import type { RgbImage } from './pixels.js';

/** How a face is shown to the detector: upright, in a square of `sizePx`, `scale` times as large as in the aligned crop. */
interface View {
  readonly sizePx: number;
  readonly scale: number;
}

/** Two sizes that the detector is sure of. What it says differs a little from one to the other: the mean is better. */
const VIEWS: readonly View[] = [
  { sizePx: 128, scale: 0.7 },
  { sizePx: 160, scale: 1 },
];
/** The middle of the face in the aligned crop: below the crop's own. */
const FACE_MIDDLE: Point = { x: 56, y: 62 };

/** It is known that there is a face: a lower score is good enough. */
const SCORE_THRESHOLD = 0.3;
/** Faces of one run; each is looked at twice. */
const BATCH_SIZE = 8;

/**
 * Finds the landmarks of faces more exactly than the search for faces did: looks at each face again in several
 * views, as it is and mirrored, and takes the mean. The embedding depends on it (the figures are in docs/engine.md).
 *
 * @param landmarks of each face, in pixels of the image
 * @returns the same, refined; as they were where the face is not found again
 */
export async function refineLandmarks(
  image: RgbImage,
  landmarks: readonly Landmarks[],
  model: DetectorModel,
  run: RunDetector,
): Promise<Landmarks[]> {
  const refined: Landmarks[] = [];
  for (let start = 0; start < landmarks.length; start += BATCH_SIZE) {
    const batch = landmarks.slice(start, start + BATCH_SIZE);
    const found: Landmarks[][] = batch.map((face) => [face]);
    for (const view of VIEWS) {
      const seen = await lookAgain(image, batch, view, model, run);
      for (const [i, faces] of seen.entries()) found[i]?.push(...faces);
    }
    refined.push(...batch.map((face, i) => meanOf(found[i] ?? []) ?? face));
  }
  return refined;
}

/** @returns for each face the landmarks that were found: at most two, as it is and mirrored */
async function lookAgain(
  image: RgbImage,
  landmarks: readonly Landmarks[],
  { sizePx, scale }: View,
  model: DetectorModel,
  run: RunDetector,
): Promise<Landmarks[][]> {
  const template = TEMPLATE.map(({ x, y }) => ({
    x: (x - FACE_MIDDLE.x) * scale + sizePx / 2,
    y: (y - FACE_MIDDLE.y) * scale + sizePx / 2,
  }));
  const toImage = landmarks.map((face) => fitSimilarity(template, face));
  const cutouts = toImage.map((similarity) => cutOut(image, similarity, sizePx));
  const detections = await detectFaces(
    [...cutouts, ...cutouts.map(mirror)],
    { ...model, scoreThreshold: SCORE_THRESHOLD },
    run,
  );
  return toImage.map((similarity, i) => {
    const plain = nearestTheMiddle(detections[i] ?? [], sizePx);
    const mirrored = nearestTheMiddle(detections[i + landmarks.length] ?? [], sizePx);
    return [plain, mirrored && mirrorLandmarks(mirrored, sizePx)].flatMap((face) =>
      face === null ? [] : [moveLandmarks(face, similarity)],
    );
  });
}

function nearestTheMiddle(faces: readonly DetectedFace[], sizePx: number): Landmarks | null {
  const distance = ({ box }: DetectedFace): number =>
    Math.hypot(box.x + box.width / 2 - sizePx / 2, box.y + box.height / 2 - sizePx / 2);
  return faces.toSorted((a, b) => distance(a) - distance(b))[0]?.landmarks ?? null;
}

/** Left and right are changed. */
function mirror({ data, widthPx, heightPx }: RgbImage): RgbImage {
  const mirrored = new Uint8Array(data.length);
  for (let y = 0; y < heightPx; y += 1) {
    for (let x = 0; x < widthPx; x += 1) {
      const target = 3 * (y * widthPx + x);
      const source = 3 * (y * widthPx + widthPx - 1 - x);
      for (let channel = 0; channel < 3; channel += 1)
        mirrored[target + channel] = data[source + channel] as number;
    }
  }
  return { data: mirrored, widthPx, heightPx };
}

/** A mirrored face's right eye is its left one, and so on. */
function mirrorLandmarks(
  [rightEye, leftEye, nose, rightMouth, leftMouth]: Landmarks,
  sizePx: number,
): Landmarks {
  return mapPoints([leftEye, rightEye, nose, leftMouth, rightMouth], ({ x, y }) => ({
    x: sizePx - 1 - x,
    y,
  }));
}

function moveLandmarks(landmarks: Landmarks, { a, b, tx, ty }: Similarity): Landmarks {
  return mapPoints(landmarks, ({ x, y }) => ({ x: a * x - b * y + tx, y: b * x + a * y + ty }));
}

/** `null` of none. */
function meanOf(faces: readonly Landmarks[]): Landmarks | null {
  const [first] = faces;
  if (first === undefined) return null;
  return mapPoints(first, (_, i) => ({
    x: faces.reduce((sum, face) => sum + (face[i] as Point).x, 0) / faces.length,
    y: faces.reduce((sum, face) => sum + (face[i] as Point).y, 0) / faces.length,
  }));
}

function mapPoints(landmarks: Landmarks, map: (point: Point, index: number) => Point): Landmarks {
  const [a, b, c, d, e] = landmarks;
  return [map(a, 0), map(b, 1), map(c, 2), map(d, 3), map(e, 4)];
}
