import { ImageError } from '../../shared/errors.js';

/** The header of a data URL (RFC 2397) of an image, without white space. */
const DATA_URL_HEADER = /^data:image\/[\w.+-]+(?:;[\w.+-]+=[^;,]*)*;base64,/i;
const LONGEST_HEADER = 200;

/**
 * Decodes an image in base64 (RFC 4648, section 4): a data URL or bare, padding optional, white space
 * allowed anywhere. Node's own decoder skips unknown characters, so everything is checked first.
 *
 * @throws {ImageError} if it is not base64, is empty, or is larger than `maxBytes` once decoded
 */
export function decodeBase64(text: string, maxBytes: number): Buffer {
  const compact = text.replaceAll(/\s+/g, '');
  const header = DATA_URL_HEADER.exec(compact.slice(0, LONGEST_HEADER))?.[0] ?? '';
  if (header === '' && /^data:/i.test(compact)) {
    throw new ImageError('The data URL does not start like "data:image/jpeg;base64,".', 'unknown-format');
  }
  const padded = compact.slice(header.length);
  const padding = padded.endsWith('==') ? 2 : padded.endsWith('=') ? 1 : 0;
  const digits = padded.slice(0, padded.length - padding);
  if (digits === '') throw new ImageError('The image is empty.', 'incomplete');
  const bytes = Math.floor((digits.length * 3) / 4);
  if (bytes > maxBytes) {
    throw new ImageError(`The image has ${bytes} bytes; at most ${maxBytes} are allowed.`, 'too-large');
  }
  // One digit alone holds 6 bits, less than a byte. Padding fills the last group of four.
  const isWhole = digits.length % 4 !== 1 && (padding === 0 || padded.length % 4 === 0);
  if (!isWhole || /[^A-Za-z0-9+/]/.test(digits)) {
    throw new ImageError('The image is not valid base64 (digits A-Z a-z 0-9 + /).');
  }
  return Buffer.from(digits, 'base64');
}
