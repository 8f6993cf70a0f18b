import type { Landmarks, Point } from '../../shared/face.js';
import type { DetectorModel } from '../../shared/model-pack.js';
import { cutOut, fitSimilarity, type Similarity, TEMPLATE } from './align.js';
import { type DetectedFace, detectFaces, type RunDetector } from './detect.js';
import type { RgbImage } from './pixels.js';

/** A face is shown to the detector upright, as large as in the aligned crop, in the middle of a square of this size. */
const CUTOUT_SIZE_PX = 160;
/** The middle of a face in the aligned crop: below the crop's own. */
const FACE_MIDDLE: Point = { x: 56, y: 62 };
const CUTOUT_TEMPLATE = TEMPLATE.map(({ x, y }) => ({
  x: x - FACE_MIDDLE.x + CUTOUT_SIZE_PX / 2,
  y: y - FACE_MIDDLE.y + CUTOUT_SIZE_PX / 2,
}));

/** It is known that there is a face: a lower score is good enough. */
const SCORE_THRESHOLD = 0.3;
/** Faces of one run; each is looked at twice. */
const BATCH_SIZE = 8;

/**
 * Finds the landmarks of faces more exactly than the search for faces did: looks at each face again, as it is and
 * mirrored, and takes the mean of all it has seen. The embedding depends on it (the figures are in
 * docs/engine.md).
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
    refined.push(...(await refineBatch(image, landmarks.slice(start, start + BATCH_SIZE), model, run)));
  }
  return refined;
}

async function refineBatch(
  image: RgbImage,
  landmarks: readonly Landmarks[],
  model: DetectorModel,
  run: RunDetector,
): Promise<Landmarks[]> {
  const toImage = landmarks.map((face) => fitSimilarity(CUTOUT_TEMPLATE, face));
  const cutouts = toImage.map((similarity) => cutOut(image, similarity, CUTOUT_SIZE_PX));
  const detections = await detectFaces(
    [...cutouts, ...cutouts.map(mirror)],
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
