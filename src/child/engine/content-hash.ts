import { createHash } from 'node:crypto';

/** 128 bits of SHA-256: enough for no two photos ever to share one, and half the size. */
const HASH_CHARACTERS = 22;

/** What a photo's content is known by, whatever its name and place: 22 characters, URL-safe base64. */
export function contentHash(encoded: Buffer): string {
  return createHash('sha256').update(encoded).digest('base64url').slice(0, HASH_CHARACTERS);
}
