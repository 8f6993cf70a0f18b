import { alignFace } from '../vision/align.js';
import { decodeImage } from '../vision/decode.js';
import { scaleFace } from '../vision/detect.js';
import { embedFaces } from '../vision/embed.js';
import { findFaces, type FoundFaces, longerSide } from '../vision/find-faces.js';
import { toReadable } from '../vision/heic.js';
import type { RgbImage } from '../vision/pixels.js';
import { refineLandmarks } from '../vision/refine.js';
import { turnUpright } from '../vision/turn-upright.js';
import { cropQualityOf } from '../vision/crop-quality.js';
import type { Landmarks } from '../../shared/face.js';
import type { AnalyzedImage } from './engine.js';
import type { ModelPack } from '../../shared/model-pack.js';
import type { Networks } from './networks.js';

export interface AnalyzeOptions {
  readonly pack: ModelPack;
  readonly networks: Networks;
  readonly maxImagePixels: number;
  /** Also tries the other orientations if the detector is not sure of the face. */
  readonly selfie?: boolean;
}

/**
 * The pipeline from encoded image to embedded faces: decode, detect, refine, align, embed.
 *
 * @throws {ImageError} if the image is broken, is not an image, or exceeds a limit
 */
export async function analyzeImage(
  encoded: Buffer,
  { pack, networks, maxImagePixels, selfie = false }: AnalyzeOptions,
): Promise<AnalyzedImage> {
  const readable = await toReadable(encoded, maxImagePixels);
  const decoded = await decodeImage(readable, maxImagePixels);
  const found = await findFaces(readable, decoded, maxImagePixels, pack.detector, networks.runDetector);
  if (!selfie) return embedAll(found, decoded, pack, networks);
  const { turnedDeg, doubtful, ...upright } = await turnUpright(found, pack.detector, networks.runDetector);
  const { widthPx, heightPx } = decoded;
  const size = turnedDeg % 180 === 0 ? { widthPx, heightPx } : { widthPx: heightPx, heightPx: widthPx };
  return { ...(await embedAll(upright, size, pack, networks)), turnedDeg, doubtful };
}

/** @param size of the whole image, which `image` may be a smaller copy of */
async function embedAll(
  { image, faces }: FoundFaces,
  { widthPx, heightPx }: { readonly widthPx: number; readonly heightPx: number },
  pack: ModelPack,
  networks: Networks,
): Promise<AnalyzedImage> {
  const landmarks = await refineLandmarks(
    image,
    faces.map((face) => face.landmarks),
    pack.detector,
    networks.runDetector,
  );
  const crops = landmarks.map((face) => alignFace(image, face));
  const embeddings = await embedFaces(crops, pack.embedder, networks.runEmbedder);
  const toWhole = longerSide({ widthPx, heightPx }) / longerSide(image);
  return {
    widthPx,
    heightPx,
    faces: faces.map((face, i) => ({
      ...scaleFace({ ...face, landmarks: landmarks[i] as Landmarks }, toWhole),
      ...cropQualityOf(crops[i] as RgbImage),
      embedding: embeddings[i] as Float32Array,
    })),
  };
}
