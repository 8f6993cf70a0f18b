import type { Landmarks, Point } from '../../shared/face.js';
import type { DetectorModel } from '../../shared/model-pack.js';
import { fitSimilarity, TEMPLATE } from './align.js';
import type { Copies, Similarity } from './pixels/copies.js';
import { cutOut } from './pixels/cut-out.js';
import type { RgbImage } from './pixels/rgb-image.js';
import { type DetectedFace, detectFaces, type RunDetector } from './detect.js';

/** The detector gets each face upright, as large as in the aligned crop, in the middle of a square of this size. */
const CUTOUT_SIZE_PX = 160;
/** The middle of a face in the aligned crop. It is below the crop's own middle. */
const FACE_MIDDLE: Point = { x: 56, y: 62 };
const CUTOUT_TEMPLATE = TEMPLATE.map(({ x, y }) => ({
  x: x - FACE_MIDDLE.x + CUTOUT_SIZE_PX / 2,
  y: y - FACE_MIDDLE.y + CUTOUT_SIZE_PX / 2,
}));

/** Low, because there is already known to be a face. */
const SCORE_THRESHOLD = 0.3;
/** Faces per run. Each is in the run twice: as it is, and mirrored. */
const BATCH_SIZE = 8;

/**
 * Makes landmarks more precise, which improves the embeddings (see the figures in docs/engine-figures.md): detects each face again,
 * as it is and mirrored, and takes the mean of the first and the new landmarks.
 *
 * @param landmarks of each face, in pixels of the image
 * @returns the refined landmarks; unchanged for a face that is not found again
 */
export async function refineLandmarks(
  copies: Copies,
  landmarks: readonly Landmarks[],
  model: DetectorModel,
  run: RunDetector,
): Promise<Landmarks[]> {
  const refined: Landmarks[] = [];
  for (let start = 0; start < landmarks.length; start += BATCH_SIZE) {
    refined.push(...(await refineBatch(copies, landmarks.slice(start, start + BATCH_SIZE), model, run)));
  }
  return refined;
}

async function refineBatch(
  copies: Copies,
  landmarks: readonly Landmarks[],
  model: DetectorModel,
  run: RunDetector,
): Promise<Landmarks[]> {
  const toImage = landmarks.map((face) => fitSimilarity(CUTOUT_TEMPLATE, face));
  const cutAll = (mirrored: boolean): RgbImage[] =>
    toImage.map((similarity) => cutOut(copies, similarity, CUTOUT_SIZE_PX, { mirrored }));
  const detections = await detectFaces(
    [...cutAll(false), ...cutAll(true)],
    { ...model, scoreThreshold: SCORE_THRESHOLD },
    run,
  );
  return landmarks.map((face, i) => {
    const plain = nearestTheMiddle(detections[i] ?? []);
    const mirrored = nearestTheMiddle(detections[i + landmarks.length] ?? []);
    const seen = [plain, mirrored && mirrorLandmarks(mirrored)].filter((found) => found !== null);
    return meanOf([face, ...seen.map((found) => moveLandmarks(found, toImage[i] as Similarity))]);
  });
}

function nearestTheMiddle(faces: readonly DetectedFace[]): Landmarks | null {
  const middle = CUTOUT_SIZE_PX / 2;
  const distance = ({ box }: DetectedFace): number =>
    Math.hypot(box.x + box.width / 2 - middle, box.y + box.height / 2 - middle);
  return faces.toSorted((a, b) => distance(a) - distance(b))[0]?.landmarks ?? null;
}

/** Mirroring swaps the left and right landmarks. */
function mirrorLandmarks([rightEye, leftEye, nose, rightMouth, leftMouth]: Landmarks): Landmarks {
  return mapPoints([leftEye, rightEye, nose, leftMouth, rightMouth], ({ x, y }) => ({
    x: CUTOUT_SIZE_PX - 1 - x,
    y,
  }));
}

function moveLandmarks(landmarks: Landmarks, { a, b, tx, ty }: Similarity): Landmarks {
  return mapPoints(landmarks, ({ x, y }) => ({ x: a * x - b * y + tx, y: b * x + a * y + ty }));
}

/** @param faces at least one */
function meanOf(faces: readonly [Landmarks, ...Landmarks[]]): Landmarks {
  return mapPoints(faces[0], (_, i) => ({
    x: faces.reduce((sum, face) => sum + (face[i] as Point).x, 0) / faces.length,
    y: faces.reduce((sum, face) => sum + (face[i] as Point).y, 0) / faces.length,
  }));
}

function mapPoints(landmarks: Landmarks, map: (point: Point, index: number) => Point): Landmarks {
  const [a, b, c, d, e] = landmarks;
  return [map(a, 0), map(b, 1), map(c, 2), map(d, 3), map(e, 4)];
}
