import { alignFace } from '../vision/align.js';
import { decodeImage } from '../vision/decode.js';
import { scaleFace } from '../vision/detect.js';
import { embedFaces } from '../vision/embed.js';
import { findFaces, longerSide } from '../vision/find-faces.js';
import type { RgbImage } from '../vision/pixels.js';
import { refineLandmarks } from '../vision/refine.js';
import { cropQualityOf } from '../vision/crop-quality.js';
import type { Landmarks } from '../../shared/face.js';
import type { AnalyzedImage } from './engine.js';
import type { ModelPack } from '../../shared/model-pack.js';
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
export async function analyzeImage(
  encoded: Buffer,
  { pack, networks, maxImagePixels }: AnalyzeOptions,
): Promise<AnalyzedImage> {
  const decoded = await decodeImage(encoded, maxImagePixels);
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
      ...cropQualityOf(crops[i] as RgbImage),
      embedding: embeddings[i] as Float32Array,
    })),
  };
}
