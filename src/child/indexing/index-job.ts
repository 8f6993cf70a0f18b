import type { Job } from 'bullmq';
import pMap from 'p-map';
import { ImageError } from '../../shared/errors.js';
import { type IndexedBatch, type IndexFile, parseIndexJob } from '../../shared/index-batch.js';
import { type GalleryDirectory, openGalleryDirectory } from '../../gallery/listing/gallery-directory.js';
import type { FileContent, FileStamp, FileTable } from '../../gallery/store/file-table.js';
import type { FindFaces } from './known-faces.js';

export interface IndexTools {
  readonly galleryDir: string;
  readonly findFaces: FindFaces;
  readonly files: FileTable;
  /** How many photos are worth having in flight. */
  readonly concurrency: number;
}

interface IndexedFile extends FileStamp {
  readonly content: FileContent;
  readonly faces: number;
}

/**
 * Computes the faces of a batch of photos, once for all: what another worker has computed since, under whatever
 * name, is only noted. A photo that is gone by now is left out, one that is broken is noted as such.
 *
 * @throws {JobError} `INVALID_JOB`
 */
export async function runIndexJob(
  job: Job,
  signal: AbortSignal,
  { galleryDir, findFaces, files: table, concurrency }: IndexTools,
): Promise<IndexedBatch> {
  const { folder, files, round } = parseIndexJob(job.data);
  const directory = await openGalleryDirectory(galleryDir);
  const indexed: IndexedFile[] = [];
  await pMap(
    files,
    async (file) => {
      signal.throwIfAborted();
      const seen = await indexFile(folder, file, directory, findFaces, signal);
      if (seen !== null) indexed.push(seen);
    },
    { concurrency },
  );
  // All at once and last: another search that looks meanwhile plans this same batch, or none of it.
  await table.write(folder, indexed);
  return {
    photos: indexed.length,
    faces: indexed.reduce((sum, { faces }) => sum + faces, 0),
    broken: indexed.filter(({ content }) => content.kind === 'unreadable').length,
    round,
  };
}

async function indexFile(
  folder: string,
  file: IndexFile,
  directory: GalleryDirectory,
  findFaces: FindFaces,
  signal: AbortSignal,
): Promise<IndexedFile | null> {
  const resolved = await directory.resolve(`${folder}/${file.name}`);
  if (resolved?.kind !== 'file') return null;
  try {
    const { hash, photo } = await findFaces({ kind: 'file', path: resolved.realPath }, signal);
    const faces = photo.kind === 'faces' ? photo.faces.length : 0;
    return { ...file, content: { kind: 'content', hash }, faces };
  } catch (error) {
    if (!(error instanceof ImageError)) throw error;
    return { ...file, content: { kind: 'unreadable', message: error.message }, faces: 0 };
  }
}
