import { alignFace } from '../pipeline/align.js';
import { decodePicture } from '../pipeline/decode.js';
import { scaleFace } from '../pipeline/detect.js';
import { embedFaces } from '../pipeline/embed.js';
import { findFaces, longerSide } from '../pipeline/find-faces.js';
import type { RgbImage } from '../pipeline/pixels.js';
import { refineLandmarks } from '../pipeline/refine.js';
import { sharpnessOf } from '../pipeline/sharpness.js';
import type { Landmarks, Picture } from './engine.js';
import type { ModelPack } from './model-files.js';
import type { Networks } from './networks.js';

export interface AnalyzeOptions {
  readonly pack: ModelPack;
  readonly networks: Networks;
  readonly maxImagePixels: number;
}

/**
 * The pipeline from encoded picture to embedded faces: decode, detect, refine, align, embed.
 *
 * @throws {ImageError} the picture is broken, is not a picture, or is over a limit
 */
export async function analyzePicture(
  encoded: Buffer,
  { pack, networks, maxImagePixels }: AnalyzeOptions,
): Promise<Picture> {
  const decoded = await decodePicture(encoded, maxImagePixels);
  const { image, faces } = await findFaces(
    encoded,
    decoded,
    maxImagePixels,
    pack.detector,
    networks.runDetector,
  );
  const landmarks = await refineLandmarks(
    image,
    faces.map((face) => face.landmarks),
    pack.detector,
    networks.runDetector,
  );
  const crops = landmarks.map((face) => alignFace(image, face));
  const embeddings = await embedFaces(crops, pack.embedder, networks.runEmbedder);
  const { widthPx, heightPx } = decoded;
  const toPicture = longerSide(decoded) / longerSide(image);
  return {
    widthPx,
    heightPx,
    faces: faces.map((face, i) => ({
      ...scaleFace({ ...face, landmarks: landmarks[i] as Landmarks }, toPicture),
      sharpness: sharpnessOf(crops[i] as RgbImage),
      embedding: embeddings[i] as Float32Array,
    })),
  };
}
