import type { EmbeddingStore } from './embedding-store.js';
import { type OptOut, type OptOuts, withoutPeople } from './opt-outs.js';
import type { PhotoRecord } from './photo-record.js';

/** Photos by the hash of their content. */
export type HashedPhotos = ReadonlyMap<string, PhotoRecord>;

/** Stores photos without the faces of people who have opted out. */
export interface FaceWriter {
  /** @returns the photos as they are stored */
  write(photos: HashedPhotos): Promise<HashedPhotos>;
}

export interface FaceWriterDeps {
  readonly store: Pick<EmbeddingStore, 'write'>;
  readonly optOuts: Pick<OptOuts, 'list' | 'version'>;
  readonly packKey: string;
  /** Makes all workers drop photos from memory. */
  readonly announceForgotten: (hashes: ReadonlySet<string>) => Promise<void>;
}

/**
 * The list of opt-outs is read again after each write. If it changed meanwhile, the photos are written again, because the
 * deletion that follows an opt-out may have missed them.
 */
export function createFaceWriter({ store, optOuts, packKey, announceForgotten }: FaceWriterDeps): FaceWriter {
  let known: { readonly version: string; readonly people: readonly OptOut[] } | null = null;

  const readPeople = async (version: string): Promise<readonly OptOut[]> => {
    if (known?.version === version) return known.people;
    const people = (await optOuts.list()).filter((entry) => entry.packKey === packKey);
    known = { version, people };
    return people;
  };

  return {
    write: async (photos) => {
      if (photos.size === 0) return photos;
      let version = known?.version ?? (await optOuts.version());
      for (let isFirst = true; ; isFirst = false) {
        const people = await readPeople(version);
        const written =
          people.length === 0
            ? photos
            : new Map(Array.from(photos, ([hash, photo]) => [hash, withoutPeople(photo, people)]));
        await store.write(written);
        // A worker may have loaded the photos between the two writes.
        if (!isFirst) await announceForgotten(new Set(photos.keys()));
        const now = await optOuts.version();
        if (now === version) return written;
        version = now;
      }
    },
  };
}

/** Stores all faces. For photos in `EXCLUDED_STAGE`: they keep the people who have opted out from being found, too. */
export function completeWriter(store: Pick<EmbeddingStore, 'write'>): FaceWriter {
  return {
    write: async (photos) => {
      await store.write(photos);
      return photos;
    },
  };
}
