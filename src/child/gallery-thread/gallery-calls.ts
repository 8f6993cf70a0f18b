import type { Config } from '../../shared/config.js';
import type { GalleryQuery, OpenedGallery, SearchedGallery } from '../../gallery/cache/gallery-cache.js';

/** What the gallery thread is started with. */
export interface GalleryThreadData {
  readonly workerId: string;
  readonly redis: Config['redis'];
  readonly logLevel: string;
  readonly settings: Config['gallery'] & { readonly dir: string };
  readonly pack: { readonly key: string; readonly embeddingSize: number };
  readonly excludedMinCosine: number;
}

/** What the gallery thread can be asked; see {@link import('../../gallery/cache/gallery-cache.js').Galleries}. */
export type GalleryCalls = {
  readonly open: { readonly argument: string; readonly result: OpenedGallery };
  readonly search: { readonly argument: GalleryQuery; readonly result: SearchedGallery };
};
