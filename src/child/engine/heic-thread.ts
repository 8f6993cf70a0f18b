import { parentPort, workerData } from 'node:worker_threads';
import { ImageError } from '../../shared/errors.js';
import { decodeHeic } from '../vision/heic.js';
import type { HeicReply, HeicRequest } from './convert-heic.js';

const { encoded, maxPixels } = workerData as HeicRequest;

async function decode(): Promise<HeicReply> {
  try {
    return { kind: 'pixels', ...(await decodeHeic(encoded, maxPixels)) };
  } catch (error) {
    if (error instanceof ImageError)
      return { kind: 'refused', message: error.message, problem: error.problem };
    throw error;
  }
}

const reply = await decode();
parentPort?.postMessage(reply, reply.kind === 'pixels' ? [reply.data.buffer as ArrayBuffer] : []);
