import { opendir } from 'node:fs/promises';
import { GalleryUnavailableError } from '../../shared/errors.js';

/** A freshly formatted disk has this folder and nothing else. */
const NOT_A_PHOTO_FOLDER = 'lost+found';

const PROBLEMS: Readonly<Record<string, string>> = {
  ENOENT: 'GALLERY_DIR does not exist; check the path, and whether it is mounted',
  ENOTDIR: 'GALLERY_DIR is not a folder',
  EACCES: 'GALLERY_DIR cannot be read: the worker has no permission',
  EPERM: 'GALLERY_DIR cannot be read: the worker has no permission',
};

/** Why this machine cannot read `GALLERY_DIR`, for its operators; `null` if it can. */
export async function findFolderProblem(galleryDir: string): Promise<string | null> {
  try {
    for await (const entry of await opendir(galleryDir)) {
      if (!entry.name.startsWith('.') && entry.name !== NOT_A_PHOTO_FOLDER) return null;
    }
    return 'GALLERY_DIR is empty; check whether it is mounted';
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException;
    return PROBLEMS[code ?? ''] ?? `GALLERY_DIR cannot be read (${code ?? message})`;
  }
}

/** An error of the gallery's file system as the machine's fault. Any other error stays as it is. */
export function asUnavailable(error: unknown): unknown {
  const { code, syscall } = error as NodeJS.ErrnoException;
  if (code === undefined || syscall === undefined) return error;
  return new GalleryUnavailableError(`A folder of the gallery cannot be read (${code})`, { cause: error });
}
