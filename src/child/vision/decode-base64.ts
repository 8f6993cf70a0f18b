import { ImageError } from '../../shared/errors.js';

/** The header of a data URL (RFC 2397) that holds a picture, white space taken out. */
const DATA_URL_HEADER = /^data:image\/[\w.+-]+(?:;[\w.+-]+=[^;,]*)*;base64,/i;
const LONGEST_HEADER = 200;

/**
 * Decodes a picture in base64 (RFC 4648, section 4): a data URL or bare, padding optional, white space
 * allowed anywhere. Node's own decoder skips what it does not know, so everything is checked before it runs.
 *
 * @throws {ImageError} it is not base64, is empty, or is larger than `maxBytes` once decoded
 */
export function decodeBase64(text: string, maxBytes: number): Buffer {
  const compact = text.replaceAll(/\s+/g, '');
  const header = DATA_URL_HEADER.exec(compact.slice(0, LONGEST_HEADER))?.[0] ?? '';
  if (header === '' && /^data:/i.test(compact)) {
    throw new ImageError('The data URL does not start like "data:image/jpeg;base64,".');
  }
  const padded = compact.slice(header.length);
  const padding = padded.endsWith('==') ? 2 : padded.endsWith('=') ? 1 : 0;
  const digits = padded.slice(0, padded.length - padding);
  if (digits === '') throw new ImageError('The picture is empty.');
  const bytes = Math.floor((digits.length * 3) / 4);
  if (bytes > maxBytes) {
    throw new ImageError(`The picture has ${bytes} bytes; at most ${maxBytes} are allowed.`);
  }
  // A single digit too many holds 6 bits: not a byte. Padding, where there is some, fills the last four.
  const isWhole = digits.length % 4 !== 1 && (padding === 0 || padded.length % 4 === 0);
  if (!isWhole || /[^A-Za-z0-9+/]/.test(digits)) {
    throw new ImageError('The picture is not valid base64 (digits A-Z a-z 0-9 + /).');
  }
  return Buffer.from(digits, 'base64');
}
