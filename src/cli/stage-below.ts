import path from 'node:path';
import { InvalidArgumentError } from 'commander';
import { parseS3Url } from '../shared/s3-config.js';

/**
 * The stage that a person means: also an absolute path or an s3:// URL below GALLERY_DIR.
 *
 * @throws {InvalidArgumentError} the path is elsewhere
 */
export function stageBelow(galleryDir: string | null, wanted: string): string {
  const isUrl = parseS3Url(wanted) !== null;
  if (!isUrl && !path.isAbsolute(wanted)) return wanted;
  if (galleryDir === null)
    throw new InvalidArgumentError(`"${wanted}" is an absolute path, but GALLERY_DIR is not set.`);
  const stage = isUrl ? keyBelow(galleryDir, wanted) : pathBelow(galleryDir, wanted);
  if (stage === null) throw new InvalidArgumentError(`"${wanted}" is not below GALLERY_DIR (${galleryDir}).`);
  return stage;
}

function keyBelow(galleryDir: string, wanted: string): string | null {
  const [root, stage] = [parseS3Url(galleryDir), parseS3Url(wanted)];
  if (root?.bucket !== stage?.bucket || root === null || stage === null) return null;
  const key = stage.prefix.startsWith(root.prefix) ? stage.prefix.slice(root.prefix.length, -1) : '';
  return key === '' ? null : key;
}

function pathBelow(galleryDir: string, wanted: string): string | null {
  if (parseS3Url(galleryDir) !== null) return null;
  const relative = path.relative(galleryDir, wanted);
  if (relative === '' || relative.startsWith('..') || path.isAbsolute(relative)) return null;
  return relative.replaceAll(path.sep, '/');
}
