import { withDeadline } from '../../shared/deadline.js';
import { GalleryUnavailableError } from '../../shared/errors.js';
import { createLimit } from '../../shared/limit.js';
import type { PhotoSource } from './photo-source.js';

/**
 * Each call may hold one of libuv's four threads for as long as the file system hangs, and the process needs threads for
 * other work.
 */
const READS_AT_A_TIME = 2;
const TIMEOUT_MS = { read: 10_000, list: 60_000 };

/**
 * A source for a process that must go on while the file system hangs. A call that takes too long fails, and so do all
 * others until it ends.
 *
 * @throws {GalleryUnavailableError} from each call: the source does not answer in time
 */
export function createBoundedSource(source: PhotoSource, timeoutMs = TIMEOUT_MS): PhotoSource {
  const limitReads = createLimit(READS_AT_A_TIME);
  const limitLists = createLimit(1);
  let overdue = 0;

  const bounded = async <T>(work: () => Promise<T>, limitMs: number): Promise<T> => {
    const sentence = 'GALLERY_DIR does not answer; check the network drive';
    if (overdue > 0) throw new GalleryUnavailableError(sentence);
    let isLate = false;
    const task = work().finally(() => {
      if (isLate) overdue -= 1;
    });
    const late = (): GalleryUnavailableError => {
      isLate = true;
      overdue += 1;
      task.catch(() => {});
      return new GalleryUnavailableError(sentence);
    };
    return withDeadline(task, limitMs, late);
  };

  return {
    listingIntervalMs: source.listingIntervalMs,
    check: () => bounded(source.check, timeoutMs.read),
    list: async (stage, note) => {
      // A listing is synchronous, so a hung file system must show before it begins.
      await bounded(source.check, timeoutMs.read);
      return limitLists(() => bounded(() => source.list(stage, note), timeoutMs.list));
    },
    countByFolder: (note) => limitLists(() => bounded(() => source.countByFolder(note), timeoutMs.list)),
    read: (id, maxBytes) => limitReads(() => bounded(() => source.read(id, maxBytes), timeoutMs.read)),
  };
}
