import path from 'node:path';
import { pathToFileURL } from 'node:url';
import pMap from 'p-map';
import { renderPhoto } from '../gallery/render-photo.js';
import { openPhotoSource } from '../gallery/source/photo-source.js';
import type { Config } from '../shared/config.js';
import { messageOf } from '../shared/errors.js';
import type { SearchMatch } from '../shared/job.js';
import { parseS3Url } from '../shared/s3-config.js';
import { count, printable } from './terminal.js';

/** About 10 MB in the page. */
const MAX_EMBEDDED = 200;
const EMBEDDED_SIZE_PX = 640;
const DOWNLOADS_AT_A_TIME = 4;

/** What a page on this machine shows for a photo: its URL, or `null` if it cannot be shown. */
export type PhotoLinks = (id: string) => string | null;

/**
 * Photos in a folder are shown from there. Photos in a bucket are downloaded and become part of the page: the best
 * {@link MAX_EMBEDDED} of them.
 *
 * @param dir `GALLERY_DIR`
 */
export async function linkPhotos(
  matches: readonly SearchMatch[],
  dir: string,
  { gallery, engine }: Config,
): Promise<PhotoLinks> {
  if (parseS3Url(dir) === null) return (id) => pathToFileURL(path.join(dir, id)).href;
  const source = openPhotoSource(dir, gallery.s3);
  const links = new Map<string, string>();
  const embed = async ({ id }: SearchMatch): Promise<void> => {
    try {
      const photo = await source.read(id, engine.maxImageBytes);
      if (photo === null) throw new Error('There is no such photo.');
      const shown = await renderPhoto(photo, {
        sizePx: EMBEDDED_SIZE_PX,
        maxPixels: engine.maxImagePixels,
      });
      links.set(id, `data:image/jpeg;base64,${shown.toString('base64')}`);
    } catch (error) {
      process.stderr.write(`Cannot show ${printable(id)}: ${printable(messageOf(error))}\n`);
    }
  };
  await pMap(matches.slice(0, MAX_EMBEDDED), embed, { concurrency: DOWNLOADS_AT_A_TIME });
  if (matches.length > MAX_EMBEDDED)
    process.stderr.write(
      `The page shows the best ${count(MAX_EMBEDDED, 'photo')} and the names of the others.\n`,
    );
  return (id) => links.get(id) ?? null;
}
