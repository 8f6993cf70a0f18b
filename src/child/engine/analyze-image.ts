import { alignFace } from '../vision/align.js';
import { brightenDark } from '../vision/brighten.js';
import { createCopies } from '../vision/pixels/copies.js';
import { decodeImage } from '../vision/decode.js';
import { scaleFace } from '../vision/detect.js';
import { embedFaces } from '../vision/embed.js';
import { findFaces, type FoundFaces } from '../vision/find-faces.js';
import { longerSide, type RgbImage } from '../vision/pixels/rgb-image.js';
import { refineLandmarks } from '../vision/refine.js';
import { turnBack, turnUpright } from '../vision/turn-upright.js';
import { cropQualityOf } from '../vision/crop-quality.js';
import type { Landmarks } from '../../shared/face.js';
import type { AnalyzedImage } from './engine.js';
import type { ModelPack } from '../../shared/model-pack.js';
import type { Networks } from './networks.js';

export interface AnalyzeOptions {
  readonly pack: ModelPack;
  readonly networks: Networks;
  readonly maxImagePixels: number;
  /**
   * `selfie`: also tries the other orientations if the detector is not sure of the main face, and brightens a dark one.
   * `turned-photo`: tries the other orientations, but returns the faces as they are in the photo.
   */
  readonly kind?: 'photo' | 'turned-photo' | 'selfie';
}

/**
 * The pipeline from encoded image to embedded faces: decode, detect, refine, align, embed.
 *
 * @throws {ImageError} if the image is broken, is not an image, or exceeds a limit
 */
export async function analyzeImage(
  encoded: Buffer,
  { pack, networks, maxImagePixels, kind = 'photo' }: AnalyzeOptions,
): Promise<AnalyzedImage> {
  const decoded = await decodeImage(encoded, maxImagePixels);
  const found = await findFaces(encoded, decoded, maxImagePixels, pack.detector, networks.runDetector);
  if (kind === 'photo') return embedAll(found, decoded, pack, networks);
  const isSelfie = kind === 'selfie';
  const { gain, ...bright } = isSelfie
    ? await brightenDark(found, pack.detector, networks.runDetector)
    : { ...found, gain: 1 };
  const { turnedDeg, doubtful, ...upright } = await turnUpright(bright, pack.detector, networks.runDetector);
  const { widthPx, heightPx } = decoded;
  const size = turnedDeg % 180 === 0 ? { widthPx, heightPx } : { widthPx: heightPx, heightPx: widthPx };
  const analyzed = await embedAll(upright, size, pack, networks);
  if (!isSelfie) {
    const faces = analyzed.faces.map((face) => ({ ...face, ...turnBack(face, size, turnedDeg) }));
    return { widthPx, heightPx, faces };
  }
  // The hint for the student is about the photo as it was taken.
  const faces = analyzed.faces.map((face) => ({ ...face, brightness: Math.round(face.brightness / gain) }));
  return { ...analyzed, faces, turnedDeg, doubtful };
}

/** @param size of the whole image, which `image` may be a smaller copy of */
async function embedAll(
  { image, small, faces }: FoundFaces,
  { widthPx, heightPx }: { readonly widthPx: number; readonly heightPx: number },
  pack: ModelPack,
  networks: Networks,
): Promise<AnalyzedImage> {
  const copies = createCopies(image, small);
  const landmarks = await refineLandmarks(
    copies,
    faces.map((face) => face.landmarks),
    pack.detector,
    networks.runDetector,
  );
  const crops = landmarks.map((face) => alignFace(copies, face));
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
