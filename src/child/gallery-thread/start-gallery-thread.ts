import type { ExcludedFaces, GalleryQuery, SearchedGallery } from '../../gallery/cache/gallery-cache.js';
import type { Config } from '../../shared/config.js';
import { startThread } from '../threads/start-thread.js';
import { type GalleryProblem, watchGallery } from './gallery-watch.js';

/** Start values of the gallery thread. */
export interface GalleryThreadData {
  readonly workerId: string;
  readonly redis: Config['redis'];
  readonly logLevel: string;
  readonly settings: Config['gallery'] & { readonly dir: string };
  readonly pack: { readonly key: string; readonly embeddingSize: number };
  readonly excludedMinCosine: number;
}

/** Calls that the gallery thread answers. */
export type GalleryCalls = {
  readonly search: { readonly argument: GalleryQuery; readonly result: SearchedGallery };
  readonly findExcluded: { readonly argument: readonly Float32Array[]; readonly result: ExcludedFaces };
  readonly check: { readonly argument: undefined; readonly result: string | null };
};

/** The galleries of this machine, as the main thread sees them. */
export interface GalleryService {
  /**
   * @throws {JobError} `GALLERY_NOT_FOUND`
   * @throws {GalleryUnavailableError} this machine cannot read its photos, or cannot tell whom to exclude
   */
  search(query: GalleryQuery): Promise<SearchedGallery>;
  /**
   * For photos that a job lists itself.
   *
   * @param embeddings L2-normalised float32 [embeddingSize] each
   * @throws {GalleryUnavailableError} this machine cannot tell whom to exclude
   */
  findExcluded(embeddings: readonly Float32Array[]): Promise<ExcludedFaces>;
  /** Why no job can run here at the moment; `null` if jobs can run. */
  problem(): GalleryProblem | null;
  /** Takes the problem of a job, so that no other job starts before the next check. */
  report(reason: string): void;
  /** Calls the listener for every change of the problem. */
  onProblem(listener: (problem: GalleryProblem | null) => void): void;
  /** Resolves when the thread has ended unexpectedly; never rejects. */
  readonly died: Promise<Error>;
  stop(): Promise<void>;
}

const GALLERY_THREAD = new URL('./gallery-thread.js', import.meta.url);

/**
 * Starts the thread and checks the gallery once.
 *
 * @param hungAfterMs the gallery hangs when it does not answer for this long
 * @throws {Error} the thread does not start
 */
export async function startGalleryThread(
  data: GalleryThreadData,
  hungAfterMs: number,
): Promise<GalleryService> {
  const thread = await startThread<GalleryCalls>('The gallery thread', GALLERY_THREAD, data);
  const listeners: ((problem: GalleryProblem | null) => void)[] = [];
  const watch = await watchGallery({
    check: () => thread.call('check', undefined),
    hungAfterMs,
    onChange: (problem) => listeners.forEach((listener) => listener(problem)),
  });
  let stopping = false;
  return {
    search: (query) => watch.unlessHung(thread.call('search', query)),
    findExcluded: (embeddings) => watch.unlessHung(thread.call('findExcluded', embeddings)),
    problem: watch.problem,
    report: watch.report,
    onProblem: (listener) => void listeners.push(listener),
    died: new Promise((resolve) => {
      void thread.exited.then((error) => !stopping && resolve(error));
    }),
    stop: () => {
      stopping = true;
      watch.stop();
      return thread.stop();
    },
  };
}
