import { JobError } from '../../shared/errors.js';

/** A relative path of names and single forward slashes, without `..` and without anything that Windows treats as a path. */
export function isPlainPath(relativePath: string): boolean {
  // oxlint-disable-next-line no-control-regex -- the operating system ends a path at a NUL byte
  if (/[\\\u0000]/.test(relativePath)) return false;
  return relativePath.split('/').every((name) => name !== '' && name !== '.' && name !== '..');
}

/** Parents before their folders, and folders side by side by their names. */
export function comparePaths(a: string, b: string): number {
  return byCodeUnit(a.replaceAll('/', '\0'), b.replaceAll('/', '\0'));
}

/** Whether a path below `GALLERY_DIR` is a stage, or below it. */
export function isWithin(path: string, stage: string): boolean {
  return path === stage || path.startsWith(`${stage}/`);
}

export function isHidden(path: string): boolean {
  return path.split('/').some((name) => name.startsWith('.'));
}

export function stageNotFound(stage: string): JobError {
  return new JobError(
    'GALLERY_NOT_FOUND',
    `The stage ${JSON.stringify(stage)} names no folder below the gallery folder of this machine.`,
    {
      sentence: `We could not find the photos of "${stage}". Please choose another event or try again later.`,
    },
  );
}

/** The same order on every machine, unlike that of a file system or a locale. */
export function byCodeUnit(a: string, b: string): number {
  if (a === b) return 0;
  return a < b ? -1 : 1;
}
