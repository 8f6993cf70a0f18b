import { createHash } from 'node:crypto';
import type { ModelPack } from './model-pack.js';

/** To be raised with every change of the pipeline that changes what it computes of a photo. */
const PIPELINE_VERSION = 2;

/**
 * What computed faces are kept under: faces of another pack, of other files under the same name, or of an older
 * pipeline cannot be compared with these.
 */
export function packKey({ name, detector, embedder }: ModelPack): string {
  const parts = JSON.stringify([PIPELINE_VERSION, detector, embedder]);
  return `${name}-${createHash('sha256').update(parts).digest('hex').slice(0, 8)}`;
}
