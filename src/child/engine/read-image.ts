import { ImageError } from '../../shared/errors.js';
import { decodeBase64 } from '../vision/decode-base64.js';
import type { ImageSource } from './engine.js';

/** @throws {ImageError} the image is not base64, is empty, or is larger than `maxBytes` */
export function readImage(source: ImageSource, maxBytes: number): Buffer {
  if (source.kind === 'base64') return decodeBase64(source.text, maxBytes);
  const { buffer, byteOffset, byteLength } = source.bytes;
  if (byteLength === 0) throw new ImageError('The image is empty.');
  if (byteLength > maxBytes) {
    throw new ImageError(`The image has ${byteLength} bytes; at most ${maxBytes} are allowed.`, 'too-large');
  }
  // A message between threads turns a Buffer into a plain Uint8Array.
  return Buffer.from(buffer, byteOffset, byteLength);
}
