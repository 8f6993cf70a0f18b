import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import {
  createGalleryCache,
  type GalleryCache,
  type GalleryCacheOptions,
} from '../../src/gallery/cache/gallery-cache.js';
import type { FolderStores } from '../../src/gallery/cache/folder-faces.js';
import { openPhotoSource } from '../../src/gallery/source/photo-source.js';
import type { BadPhoto } from '../../src/gallery/store/bad-photos.js';
import type { FileContent } from '../../src/gallery/store/file-table.js';
import { toFixedPoint } from '../../src/gallery/store/fixed-point.js';
import type { FaceRecord, PhotoRecord } from '../../src/gallery/store/photo-record.js';
import { loadConfig } from '../../src/shared/config.js';

/** In two dimensions: its cosine with the probe. */
export const PROBE = Float32Array.of(1, 0);
/** A search waits for a new scan after this time. */
export const OUTDATED_MS = 10_001;

/** A real folder of empty photos, with scripted stores. The content hash of a photo is its path. */
export interface GalleryCacheHarness {
  readonly directory: string;
  /** Milliseconds of the cache's clock. */
  nowMs: number;
  /** Indexed photos by path. */
  readonly contents: Map<string, PhotoRecord>;
  /** Photos that failed, by path. */
  readonly bad: Map<string, BadPhoto>;
  /** Folders that were read from the file table. */
  asked: string[];
  readonly warnings: string[];
  /** Files that the file table has although nothing lists them. */
  readonly unlisted: string[];
  /** Files that were removed from the file table. */
  readonly removed: string[];
  addPhoto(file: string, ...faces: FaceRecord[]): Promise<void>;
  removePhoto(file: string): Promise<void>;
  open(environment?: Record<string, string>, changed?: Partial<GalleryCacheOptions>): GalleryCache;
  close(): Promise<void>;
}

export async function createGalleryCacheHarness(): Promise<GalleryCacheHarness> {
  const directory = await mkdtemp(path.join(tmpdir(), 'galleries-'));
  const contents = new Map<string, PhotoRecord>();
  const bad = new Map<string, BadPhoto>();
  const caches: GalleryCache[] = [];

  const harness: GalleryCacheHarness = {
    directory,
    nowMs: 0,
    contents,
    bad,
    asked: [],
    warnings: [],
    unlisted: [],
    removed: [],
    addPhoto: async (file, ...faces) => {
      await mkdir(path.dirname(path.join(directory, file)), { recursive: true });
      await writeFile(path.join(directory, file), '');
      contents.set(file, { kind: 'faces', widthPx: 1000, heightPx: 800, faces });
    },
    removePhoto: (file) => rm(path.join(directory, file)),
    open: (environment = {}, changed = {}) => {
      const { gallery } = loadConfig({ GALLERY_DIR: directory, ...environment }, '/nowhere');
      const cache = createGalleryCache({
        source: openPhotoSource(directory, gallery.s3),
        stores: storesOf(harness),
        embeddingSize: 2,
        settings: gallery,
        excludedMinCosine: 0.9,
        warn: (line) => harness.warnings.push(line),
        now: () => harness.nowMs,
        ...changed,
      });
      caches.push(cache);
      return cache;
    },
    close: async () => {
      for (const cache of caches) cache.stop();
      await rm(directory, { recursive: true, force: true });
    },
  };
  return harness;
}

export function storesOf(harness: GalleryCacheHarness): FolderStores {
  const { contents, bad, unlisted, removed } = harness;
  return {
    embeddings: { read: async (paths) => paths.map((file) => contents.get(file) ?? null) },
    files: {
      read: async (folder, files) => {
        harness.asked.push(folder);
        return files.map(({ name }): FileContent | null => {
          const file = `${folder}/${name}`;
          return contents.has(file) ? { kind: 'content', hash: file } : null;
        });
      },
      names: async (folder) =>
        [...contents.keys(), ...unlisted]
          .filter((file) => path.posix.dirname(file) === folder)
          .map((file) => path.posix.basename(file)),
      remove: async (folder, names) => void removed.push(...names.map((name) => `${folder}/${name}`)),
    },
    badPhotos: {
      read: async (folder, files) => files.map(({ name }) => bad.get(`${folder}/${name}`) ?? null),
    },
  };
}

export const broken: PhotoRecord = { kind: 'broken', message: 'It is cut off.' };

/** @param nose where it is between the eyes: 0.5 for a frontal face */
export function face(cosine: number, widthPx = 100, nose = 0.5): FaceRecord {
  const [eye, mouth] = [
    { x: 10, y: 10 },
    { x: 0, y: 0 },
  ];
  return {
    box: { x: 0, y: 0, width: widthPx, height: widthPx },
    landmarks: [eye, { x: 30, y: 10 }, { x: 10 + 20 * nose, y: 20 }, mouth, mouth],
    score: 0.9,
    sharpness: 100,
    embedding: toFixedPoint(Float32Array.of(cosine, Math.sqrt(1 - cosine ** 2))),
  };
}

/** Paths of the matches, sorted. */
export async function search(cache: GalleryCache, stage: string, minCosine = 0.5): Promise<string[]> {
  const { matches } = await cache.search({ stage, probe: PROBE, minCosine, limit: 0 });
  return matches.map((match) => match.path).toSorted();
}
