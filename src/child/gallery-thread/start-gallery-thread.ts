import type { GalleryQuery, SearchedGallery } from '../../gallery/cache/gallery-cache.js';
import type { Config } from '../../shared/config.js';
import { startThread } from '../threads/start-thread.js';

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
};

/** The galleries of this machine, as the main thread sees them. */
export interface GalleryService {
  /** @throws {JobError} `GALLERY_NOT_FOUND` */
  search(query: GalleryQuery): Promise<SearchedGallery>;
  /** Resolves when the thread has ended unexpectedly; never rejects. */
  readonly died: Promise<Error>;
  stop(): Promise<void>;
}

const GALLERY_THREAD = new URL('./gallery-thread.js', import.meta.url);

/** @throws {Error} the thread does not start */
export async function startGalleryThread(data: GalleryThreadData): Promise<GalleryService> {
  const thread = await startThread<GalleryCalls>('The gallery thread', GALLERY_THREAD, data);
  let stopping = false;
  return {
    search: (query) => thread.call('search', query),
    died: new Promise((resolve) => {
      void thread.exited.then((error) => !stopping && resolve(error));
    }),
    stop: () => {
      stopping = true;
      return thread.stop();
    },
  };
}
