import { webcrypto } from 'node:crypto';

/** 128 bits of SHA-256: collisions are practically impossible, at half the size. */
const HASH_CHARACTERS = 22;

/** Identifies a photo by its bytes, not its name: 22 characters of URL-safe base64. Does not block the thread. */
export async function contentHash(encoded: Uint8Array): Promise<string> {
  const digest = await webcrypto.subtle.digest('SHA-256', encoded);
  return Buffer.from(digest).toString('base64url').slice(0, HASH_CHARACTERS);
}
