import { alignFace } from '../pipeline/align.js';
import { decodeBase64 } from '../pipeline/decode-base64.js';
import { decodePicture, shrink } from '../pipeline/decode.js';
import { detectFaces, type RunDetector, scaleFace } from '../pipeline/detect.js';
import { embedFaces, type RunEmbedder } from '../pipeline/embed.js';
import { ImageError, messageOf } from '../../shared/errors.js';
import { readFile, stat } from 'node:fs/promises';
import type { Picture, PictureSource } from './engine.js';
import type { ModelPack } from './model-files.js';
import type { Session } from './session.js';

/**
 * Longest side of what the detector looks at. YuNet finds faces from about 10 pixels on; each doubling of the
 * side costs four times as much (the figures are in docs/engine.md).
 */
export const DETECTOR_SIDE_PX = 960;

export interface AnalyzerOptions {
  readonly pack: ModelPack;
  readonly detector: Session;
  readonly embedder: Session;
  readonly maxImageBytes: number;
  readonly maxImagePixels: number;
}

export type AnalyzePicture = (source: PictureSource) => Promise<Picture>;

/** The pipeline from encoded picture to embedded faces: decode, detect, align, embed. */
export function createAnalyzer({
  pack,
  detector,
  embedder,
  maxImageBytes,
  maxImagePixels,
}: AnalyzerOptions): AnalyzePicture {
  const runDetector: RunDetector = (input, { widthPx, heightPx }) =>
    detector.run(input, [1, 3, heightPx, widthPx]);
  const runEmbedder: RunEmbedder = async (input, count, sizePx) => {
    const outputs = await embedder.run(input, [count, 3, sizePx, sizePx]);
    const [only] = outputs.values();
    const embeddings = pack.embedder.output === null ? only : outputs.get(pack.embedder.output);
    if (embeddings === undefined) throw new Error(`The embedder has no output ${pack.embedder.output}`);
    return embeddings;
  };

  return async (source) => {
    const encoded =
      source.kind === 'base64'
        ? decodeBase64(source.text, maxImageBytes)
        : await readPhoto(source.path, maxImageBytes);
    const { image, widthPx, heightPx } = await decodePicture(encoded, maxImagePixels);
    const small = await shrink(image, DETECTOR_SIDE_PX);
    const detected = await detectFaces(small, pack.detector, runDetector);
    const toImage = image.widthPx / small.widthPx;
    const crops = detected.map((face) => alignFace(image, scaleFace(face, toImage).landmarks));
    const embeddings = await embedFaces(crops, pack.embedder, runEmbedder);
    const toPicture = widthPx / small.widthPx;
    return {
      widthPx,
      heightPx,
      faces: detected.map((face, i) => ({
        ...scaleFace(face, toPicture),
        embedding: embeddings[i] ?? new Float32Array(),
      })),
    };
  };
}

async function readPhoto(path: string, maxBytes: number): Promise<Buffer> {
  try {
    const { size } = await stat(path);
    if (size > maxBytes)
      throw new ImageError(`the picture has ${size} bytes; at most ${maxBytes} are allowed.`);
    return await readFile(path);
  } catch (error) {
    if (error instanceof ImageError) throw error;
    throw new ImageError(`the picture cannot be read (${messageOf(error)}).`, { cause: error });
  }
}
