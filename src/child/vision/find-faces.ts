import type { DetectorModel } from '../../shared/model-pack.js';
import { type DecodedImage, decodeImage, WORKING_SIDE_PX } from './decode.js';
import { type DetectedFace, detectFaces, type RunDetector, scaleFace } from './detect.js';
import { suppressNonMaxima } from './nms.js';
import { longerSide, type RgbImage } from './pixels/rgb-image.js';
import { shrink } from './pixels/resample.js';
import { detectInTiles } from './tiles.js';

/** Longest side of the image in the first detector pass. Doubling it costs four times as much. */
export const DETECTOR_SIDE_PX = 960;
/** Longest side of the image in the second pass, which goes tile by tile. */
export const CLOSE_UP_SIDE_PX = 4096;

/**
 * If the first pass finds a face smaller than this, it may have missed others: it finds all faces of 13 pixels, but only a
 * twelfth of those of 6 (docs/engine-figures.md). The nearest people in a photo are rarely four times as large as the farthest.
 */
const SMALL_FACE_PX = 24;
/** A face smaller than this in its image is recognised less often (docs/performance.md). */
const SHARP_FACE_PX = 48;
/** A second pass on an image that is hardly larger finds nothing new. */
const WORTHWHILE_SCALE = 1.25;

export interface FoundFaces {
  /** The image to cut the faces out of. */
  readonly image: RgbImage;
  /** The copy of it that was searched first, or the image itself if it is as small. */
  readonly small: RgbImage;
  /** In pixels of the image, best first. */
  readonly faces: readonly DetectedFace[];
}

/**
 * Finds the faces of an image. The first pass searches the whole image. If it finds small faces or none, a second pass
 * searches a larger copy tile by tile. So a portrait costs one pass, and the last row of a group photo is found as well.
 * If faces are only too small to be cut out of the first copy, a larger one replaces it.
 *
 * @param encoded decoded again if the image is larger than its first copy
 * @throws {ImageError} if the larger copy cannot be decoded
 */
export async function findFaces(
  encoded: Buffer,
  decoded: DecodedImage,
  maxPixels: number,
  model: DetectorModel,
  run: RunDetector,
): Promise<FoundFaces> {
  const { image } = decoded;
  const small = shrink(image, DETECTOR_SIDE_PX);
  const [faces = []] = await detectFaces([small], model, run);
  if (!deservesCloseUp(faces, decoded)) {
    const scaled = scaleFaces(faces, small, image);
    if (!deservesLargerCopy(scaled, decoded)) return { image, small, faces: scaled };
    const larger = (await decodeImage(encoded, maxPixels, WORKING_SIDE_PX)).image;
    return { image: larger, small, faces: scaleFaces(faces, small, larger) };
  }
  const closeUp = await closeUpOf(encoded, decoded, maxPixels);
  const inTiles = await detectInTiles(closeUp, model, run);
  const all = [...scaleFaces(faces, small, closeUp), ...inTiles];
  return { image: closeUp, small, faces: suppressNonMaxima(all, model.iouThreshold) };
}

function deservesCloseUp(faces: readonly DetectedFace[], whole: DecodedImage): boolean {
  if (Math.min(CLOSE_UP_SIDE_PX, longerSide(whole)) < WORTHWHILE_SCALE * DETECTOR_SIDE_PX) return false;
  return faces.length === 0 || faces.some(({ box }) => Math.min(box.width, box.height) < SMALL_FACE_PX);
}

/** Whether a face is too small in the copy, and larger in a copy of `WORKING_SIDE_PX`. */
function deservesLargerCopy(faces: readonly DetectedFace[], { image, ...whole }: DecodedImage): boolean {
  const larger = Math.min(WORKING_SIDE_PX, longerSide(whole));
  return (
    larger > longerSide(image) && faces.some(({ box }) => Math.min(box.width, box.height) < SHARP_FACE_PX)
  );
}

async function closeUpOf(
  encoded: Buffer,
  { image, ...whole }: DecodedImage,
  maxPixels: number,
): Promise<RgbImage> {
  if (longerSide(whole) <= longerSide(image)) return image;
  return (await decodeImage(encoded, maxPixels, CLOSE_UP_SIDE_PX)).image;
}

export function scaleFaces(faces: readonly DetectedFace[], from: RgbImage, to: RgbImage): DetectedFace[] {
  const factor = longerSide(to) / longerSide(from);
  return faces.map((face) => scaleFace(face, factor));
}
