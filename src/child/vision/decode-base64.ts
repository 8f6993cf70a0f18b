import { ImageError } from '../../shared/errors.js';

/** The header of a data URL (RFC 2397) of an image, without white space. */
const DATA_URL_HEADER = /^data:image\/[\w.+-]+(?:;[\w.+-]+=[^;,]*)*;base64,/i;
const LONGEST_HEADER = 200;

/**
 * Decodes an image in base64 (RFC 4648, section 4): a data URL or bare, padding optional, white space
 * allowed anywhere.
 *
 * @throws {ImageError} if it is not base64, is empty, or is larger than `maxBytes` once decoded
 */
export function decodeBase64(text: string, maxBytes: number): Buffer {
  try {
    return decodeCompact(text, maxBytes);
  } catch (error) {
    // White space is rare. Looking for it in every text would take longer than decoding.
    const compact = text.replaceAll(/\s+/g, '');
    if (compact.length === text.length) throw error;
    return decodeCompact(compact, maxBytes);
  }
}

function decodeCompact(text: string, maxBytes: number): Buffer {
  const header = DATA_URL_HEADER.exec(text.slice(0, LONGEST_HEADER))?.[0] ?? '';
  if (header === '' && /^data:/i.test(text)) {
    throw new ImageError('The data URL does not start like "data:image/jpeg;base64,".', 'unknown-format');
  }
  const padded = text.slice(header.length);
  const padding = padded.endsWith('==') ? 2 : padded.endsWith('=') ? 1 : 0;
  const digits = padded.slice(0, padded.length - padding);
  if (digits === '') throw new ImageError('The image is empty.', 'incomplete');
  const bytes = Math.floor((digits.length * 3) / 4);
  if (bytes > maxBytes) {
    throw new ImageError(`The image has ${bytes} bytes; at most ${maxBytes} are allowed.`, 'too-large');
  }
  // One digit alone holds 6 bits, less than a byte. Padding fills the last group of four.
  const isWhole = digits.length % 4 !== 1 && (padding === 0 || padded.length % 4 === 0);
  const decoded = isWhole ? Buffer.from(digits, 'base64') : null;
  // Node.js skips unknown characters, and also reads the url-safe alphabet.
  if (decoded?.length !== bytes || digits.includes('-') || digits.includes('_')) {
    throw new ImageError('The image is not valid base64 (digits A-Z a-z 0-9 + /).');
  }
  return decoded;
}
