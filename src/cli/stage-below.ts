import path from 'node:path';
import { InvalidArgumentError } from 'commander';

/**
 * The stage that a person means: also an absolute path below GALLERY_DIR, as the shell completes it.
 *
 * @throws {InvalidArgumentError} the path is elsewhere
 */
export function stageBelow(galleryDir: string | null, wanted: string): string {
  if (!path.isAbsolute(wanted)) return wanted;
  const relative = galleryDir === null ? '' : path.relative(galleryDir, wanted);
  if (relative === '' || relative.startsWith('..') || path.isAbsolute(relative)) {
    throw new InvalidArgumentError(
      galleryDir === null
        ? `"${wanted}" is an absolute path, but GALLERY_DIR is not set.`
        : `"${wanted}" is not below GALLERY_DIR (${galleryDir}).`,
    );
  }
  return relative.replaceAll(path.sep, '/');
}
