import { isIgnoredFolder, isPhoto, isUnreadPhoto, isUsableName } from './file-kind.js';
import type { Note } from './photo-source.js';

/** Decides which entries of a listing count, and counts those that are left out. */
export interface LeftOut {
  /** Whether an entry of this name is looked at: a file or a folder that is neither hidden nor left out. */
  admits(name: string): boolean;
  /** Whether a file of this name is a photo. */
  isPhoto(name: string): boolean;
  /** Writes one line for each kind that was left out. */
  report(note: Note): void;
}

export function createLeftOut(): LeftOut {
  let [ignored, unread, unusable] = [0, 0, 0];
  return {
    admits: (name) => {
      if (name.startsWith('.')) return false;
      if (!isUsableName(name)) {
        unusable += 1;
        return false;
      }
      if (isIgnoredFolder(name)) {
        ignored += 1;
        return false;
      }
      return true;
    },
    isPhoto: (name) => {
      if (isUnreadPhoto(name)) unread += 1;
      return isPhoto(name);
    },
    report: (note) => {
      if (unread > 0)
        note(`Left out ${unread} photos in formats that are not read, such as BMP, JPEG XL or raw`, true);
      if (unusable > 0) {
        note(
          `Left out ${unusable} names with backslashes, control characters or bytes that are not UTF-8`,
          true,
        );
      }
      if (ignored > 0)
        note(`Left out ${ignored} folders of thumbnails, deleted files or system files`, false);
    },
  };
}
