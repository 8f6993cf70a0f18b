import { Worker } from 'node:worker_threads';
import sharp from 'sharp';
import { ImageError, type ImageProblem } from '../../shared/errors.js';
import { recogniseFormat } from '../../shared/image-format.js';
import type { HeicPixels } from '../vision/heic.js';

const HEIC_THREAD = new URL('./heic-thread.js', import.meta.url);
/** As for other formats. 48 megapixels take 4 seconds. */
const TIMEOUT_MS = 10_000;

/** What the thread gets. */
export interface HeicRequest {
  readonly encoded: Uint8Array;
  readonly maxPixels: number;
}

export type HeicReply =
  | ({ readonly kind: 'pixels' } & HeicPixels)
  | { readonly kind: 'refused'; readonly message: string; readonly problem: ImageProblem };

let lastDecode: Promise<unknown> = Promise.resolve();

/**
 * The image itself, or a JPEG of it if sharp cannot read its format. A HEIC image is decoded in a thread of its own, one
 * at a time, so that other images do not wait for it.
 *
 * @throws {ImageError} if the image is broken, has too many pixels or takes too long
 */
export async function convertHeic(
  encoded: Buffer,
  maxPixels: number,
  timeoutMs = TIMEOUT_MS,
): Promise<Buffer> {
  if (recogniseFormat(encoded) !== 'HEIC') return encoded;
  const decoding = lastDecode.then(() => decodeInThread({ encoded, maxPixels }, timeoutMs));
  lastDecode = decoding.catch(() => {});
  const { data, widthPx, heightPx } = await decoding;
  return sharp(data, { raw: { width: widthPx, height: heightPx, channels: 4 } })
    .flatten({ background: '#ffffff' })
    .jpeg({ quality: 95, chromaSubsampling: '4:4:4' })
    .toBuffer();
}

async function decodeInThread(request: HeicRequest, timeoutMs: number): Promise<HeicPixels> {
  const worker = new Worker(HEIC_THREAD, { workerData: request });
  let timer: NodeJS.Timeout | undefined;
  try {
    const reply = await new Promise<HeicReply>((resolve, reject) => {
      worker.once('message', resolve);
      worker.once('error', reject);
      worker.once('exit', (code) => reject(new Error(`The HEIC thread ended with code ${code}`)));
      timer = setTimeout(() => {
        const seconds = timeoutMs / 1000;
        reject(new ImageError(`The HEIC image takes more than ${seconds} s to decode.`, 'too-large'));
      }, timeoutMs);
    });
    if (reply.kind === 'refused') throw new ImageError(reply.message, reply.problem);
    return reply;
  } finally {
    clearTimeout(timer);
    // It runs no onnxruntime, so it may be terminated.
    await worker.terminate();
  }
}
