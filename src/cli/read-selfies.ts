import { readFile, stat } from 'node:fs/promises';
import { InvalidArgumentError } from 'commander';
import type { Config } from '../shared/config.js';

const MAX_SELFIES = 16;

/**
 * Reads the photos of one person, as base64.
 *
 * @throws {Error} naming the file that cannot be used
 */
export async function readSelfies(files: readonly string[], { engine }: Config): Promise<string[]> {
  if (files.length > MAX_SELFIES)
    throw new InvalidArgumentError(`At most ${MAX_SELFIES} selfies, but there are ${files.length}.`);
  return Promise.all(
    files.map(async (file) => {
      const stats = await stat(file).catch((error: NodeJS.ErrnoException) => {
        throw new Error(`Cannot read "${file}": ${reasonOf(error)}.`, { cause: error });
      });
      if (!stats.isFile())
        throw new Error(
          `Cannot read "${file}": it is ${stats.isDirectory() ? 'a folder' : 'not a file'}. Give a photo of the person.`,
        );
      if (stats.size === 0) throw new Error(`Cannot use "${file}": the file is empty.`);
      if (stats.size > engine.maxImageBytes)
        throw new Error(
          `Cannot use "${file}": it has ${stats.size} bytes, more than MAX_IMAGE_BYTES (${engine.maxImageBytes}).`,
        );
      const image = await readFile(file).catch((error: NodeJS.ErrnoException) => {
        throw new Error(`Cannot read "${file}": ${reasonOf(error)}.`, { cause: error });
      });
      return image.toString('base64');
    }),
  );
}

function reasonOf({ code, message }: NodeJS.ErrnoException): string {
  if (code === 'ENOENT') return 'there is no such file';
  return code === 'EACCES' ? 'permission denied' : message;
}
