import { readFile, stat } from 'node:fs/promises';
import { ImageError } from '../../shared/errors.js';
import { decodeBase64 } from '../vision/decode-base64.js';
import type { ImageSource } from './engine.js';

/** The file is missing or not readable. Other errors are faults of the machine, and a retry may succeed. */
const IMAGE_FAULTS: ReadonlySet<string> = new Set(['ENOENT', 'ENOTDIR', 'EACCES', 'EPERM', 'ELOOP']);

/**
 * Reads an encoded image.
 *
 * @throws {ImageError} if it cannot be read, is not base64, is empty, or is larger than `maxBytes`
 */
export async function readImage(source: ImageSource, maxBytes: number): Promise<Buffer> {
  if (source.kind === 'base64') return decodeBase64(source.text, maxBytes);
  try {
    const file = await stat(source.path);
    if (!file.isFile()) throw new ImageError('The image is not a file.');
    if (file.size === 0) throw new ImageError('The image is empty.');
    if (file.size > maxBytes) {
      throw new ImageError(`The image has ${file.size} bytes; at most ${maxBytes} are allowed.`, 'too-large');
    }
    return await readFile(source.path);
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === undefined || !IMAGE_FAULTS.has(code)) throw error;
    throw new ImageError(`The image cannot be read (${code}).`, 'unreadable', { cause: error });
  }
}
