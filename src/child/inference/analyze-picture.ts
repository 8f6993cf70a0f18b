import { alignFace } from '../pipeline/align.js';
import { decodePicture, shrink } from '../pipeline/decode.js';
import { detectFaces, scaleFace } from '../pipeline/detect.js';
import { embedFaces } from '../pipeline/embed.js';
import type { RgbImage } from '../pipeline/pixels.js';
import { refineLandmarks } from '../pipeline/refine.js';
import { sharpnessOf } from '../pipeline/sharpness.js';
import type { Landmarks, Picture } from './engine.js';
import type { ModelPack } from './model-files.js';
import type { Networks } from './networks.js';

/**
 * Longest side of what the detector looks at. YuNet finds faces from about 10 pixels on; each doubling of the
 * side costs four times as much (the figures are in docs/engine.md).
 */
export const DETECTOR_SIDE_PX = 960;

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
  const { image, widthPx, heightPx } = await decodePicture(encoded, maxImagePixels);
  const small = await shrink(image, DETECTOR_SIDE_PX);
  const [detected = []] = await detectFaces([small], pack.detector, networks.runDetector);
  const toImage = longerSide(image) / longerSide(small);
  const landmarks = await refineLandmarks(
    image,
    detected.map((face) => scaleFace(face, toImage).landmarks),
    pack.detector,
    networks.runDetector,
  );
  const crops = landmarks.map((face) => alignFace(image, face));
  const embeddings = await embedFaces(crops, pack.embedder, networks.runEmbedder);
  const toPicture = longerSide({ widthPx, heightPx }) / longerSide(image);
  const faces = detected.map((face, i) => {
    const inImage = { ...scaleFace(face, toImage), landmarks: landmarks[i] as Landmarks };
    return {
      ...scaleFace(inImage, toPicture),
      sharpness: sharpnessOf(crops[i] as RgbImage),
      embedding: embeddings[i] as Float32Array,
    };
  });
  return { widthPx, heightPx, faces };
}

/** Sizes are compared by it: when a picture is shrunk, the shorter side is rounded by a larger share. */
function longerSide({ widthPx, heightPx }: { readonly widthPx: number; readonly heightPx: number }): number {
  return Math.max(widthPx, heightPx);
}
