import type { DetectorModel } from '../../shared/model-pack.js';
import { type DecodedPicture, decodeImage, shrink } from './decode.js';
import { type DetectedFace, detectFaces, type RunDetector, scaleFace } from './detect.js';
import { suppressNonMaxima } from './nms.js';
import type { RgbImage } from './pixels.js';
import { detectInTiles } from './tiles.js';

/** Longest side of what the detector looks at first. Each doubling of the side costs four times as much. */
export const DETECTOR_SIDE_PX = 960;
/** Longest side of what is looked at tile by tile. */
export const CLOSE_UP_SIDE_PX = 4096;

/**
 * Where the first look finds a face smaller than this, there may be others that it misses: down to 13 pixels it finds
 * all, of 6 it finds a twelfth (docs/engine.md). In one photo the nearest people are rarely four times as large as the farthest.
 */
const SMALL_FACE_PX = 24;
/** A close-up that is hardly larger than what was looked at shows nothing new. */
const WORTHWHILE_SCALE = 1.25;

export interface FoundFaces {
  /** What the faces are to be cut out of. */
  readonly image: RgbImage;
  /** In pixels of the image, best first. */
  readonly faces: readonly DetectedFace[];
}

/**
 * Finds the faces of a picture: a look at the whole, and where that shows small faces or none, a second one at
 * a larger copy of the picture, tile by tile. So a portrait costs one look, and a group of sixty is found to the last row.
 *
 * @param encoded decoded once more where the picture is larger than its first copy
 * @throws {ImageError} the larger copy cannot be decoded
 */
export async function findFaces(
  encoded: Buffer,
  picture: DecodedPicture,
  maxPixels: number,
  model: DetectorModel,
  run: RunDetector,
): Promise<FoundFaces> {
  const { image } = picture;
  const small = await shrink(image, DETECTOR_SIDE_PX);
  const [faces = []] = await detectFaces([small], model, run);
  if (!deservesCloseUp(faces, picture)) {
    return { image, faces: scaleFaces(faces, small, image) };
  }
  const closeUp = await closeUpOf(encoded, picture, maxPixels);
  const inTiles = await detectInTiles(closeUp, model, run);
  const all = [...scaleFaces(faces, small, closeUp), ...inTiles];
  return { image: closeUp, faces: suppressNonMaxima(all, model.iouThreshold) };
}

function deservesCloseUp(faces: readonly DetectedFace[], picture: DecodedPicture): boolean {
  if (Math.min(CLOSE_UP_SIDE_PX, longerSide(picture)) < WORTHWHILE_SCALE * DETECTOR_SIDE_PX) return false;
  return faces.length === 0 || faces.some(({ box }) => Math.min(box.width, box.height) < SMALL_FACE_PX);
}

async function closeUpOf(
  encoded: Buffer,
  { image, ...picture }: DecodedPicture,
  maxPixels: number,
): Promise<RgbImage> {
  if (longerSide(picture) <= longerSide(image)) return image;
  return (await decodeImage(encoded, maxPixels, CLOSE_UP_SIDE_PX)).image;
}

export function scaleFaces(faces: readonly DetectedFace[], from: RgbImage, to: RgbImage): DetectedFace[] {
  const factor = longerSide(to) / longerSide(from);
  return faces.map((face) => scaleFace(face, factor));
}

/** Sizes are compared by it: when a picture is shrunk, the shorter side is rounded by a larger share. */
export function longerSide({
  widthPx,
  heightPx,
}: {
  readonly widthPx: number;
  readonly heightPx: number;
}): number {
  return Math.max(widthPx, heightPx);
}
