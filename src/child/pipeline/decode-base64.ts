import { ImageError } from '../../shared/errors.js';

const DATA_URL = /^data:image\/[\w.+-]+(?:;[\w=-]+)*;base64,/i;
const ALPHABET = /^[A-Za-z0-9+/]+={0,2}$/;

/**
 * Decodes a picture in base64 (RFC 4648, section 4): a data URL or bare, padding optional, white space
 * allowed anywhere. Node's own decoder skips what it does not know, so everything is checked before it runs.
 *
 * @throws {ImageError} it is not base64, is empty, or is larger than `maxBytes` once decoded
 */
export function decodeBase64(text: string, maxBytes: number): Buffer {
  // Judged by the raw length first: what cannot be small enough is not even searched for white space.
  const bare = text.slice(0, 200).trimStart().replace(DATA_URL, '') + text.slice(200);
  const digits = bare.replaceAll(/\s+/g, '');
  if (digits === '') throw new ImageError('the picture is empty.');
  const unpadded = digits.length - (/=*$/.exec(digits)?.[0].length ?? 0);
  const bytes = Math.floor((unpadded * 3) / 4);
  if (bytes > maxBytes)
    throw new ImageError(`the picture has ${bytes} bytes; at most ${maxBytes} are allowed.`);
  const isPadded = digits.length !== unpadded;
  if (!ALPHABET.test(digits) || unpadded % 4 === 1 || (isPadded && digits.length % 4 !== 0)) {
    throw new ImageError('the picture is not valid base64.');
  }
  return Buffer.from(digits, 'base64');
}
