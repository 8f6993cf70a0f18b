import { startThread } from '../threads/start-thread.js';
import type { GalleryQuery, OpenedGallery, SearchedGallery } from '../../gallery/cache/gallery-cache.js';
import type { GalleryCalls, GalleryThreadData } from './gallery-calls.js';

/** The galleries of this machine, as the main thread sees them; see {@link import('../../gallery/cache/gallery-cache.js').Galleries}. */
export interface GalleryService {
  open(stage: string): Promise<OpenedGallery>;
  search(query: GalleryQuery): Promise<SearchedGallery>;
  /** Resolves when the thread has ended unasked; never rejects. */
  readonly died: Promise<Error>;
  stop(): Promise<void>;
}

const GALLERY_THREAD = new URL('./gallery-thread.js', import.meta.url);

/** @throws {Error} the thread does not start */
export async function startGalleries(data: GalleryThreadData): Promise<GalleryService> {
  const thread = await startThread<GalleryCalls>('The gallery thread', GALLERY_THREAD, data);
  let stopping = false;
  return {
    open: (stage) => thread.call('open', stage),
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
