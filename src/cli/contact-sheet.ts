import { mkdtemp, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { pathToFileURL } from 'node:url';
import type { SearchMatch } from '../shared/job.js';

export interface ContactSheetOptions {
  readonly galleryDir: string;
  readonly title: string;
}

/**
 * Writes a page with the photos of a result and the found faces framed, for a browser on this machine: it points
 * to the photos where they lie.
 *
 * @returns the page's file, in a folder of its own that only this user can read
 */
export async function writeContactSheet(
  matches: readonly SearchMatch[],
  options: ContactSheetOptions,
): Promise<string> {
  const file = path.join(await mkdtemp(path.join(tmpdir(), 'face-search-')), 'matches.html');
  await writeFile(file, formatContactSheet(matches, options), { mode: 0o600 });
  return file;
}

export function formatContactSheet(
  matches: readonly SearchMatch[],
  { galleryDir, title }: ContactSheetOptions,
): string {
  const photos = matches.map(({ id, score, box }) => {
    const url = pathToFileURL(path.join(galleryDir, id)).href;
    const frame =
      box === undefined
        ? ''
        : `<i style="left:${percent(box.x)};top:${percent(box.y)};width:${percent(box.width)};height:${percent(box.height)}"></i>`;
    return `<figure><div><img loading="lazy" alt="" src="${escape(url)}">${frame}</div><figcaption>${escape(id)} · ${score.toFixed(3)}</figcaption></figure>`;
  });
  return `<!doctype html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width">
<title>${escape(title)}: ${matches.length} photos</title>
<style>
:root { color-scheme: light dark; font: 14px system-ui, sans-serif; }
main { display: grid; grid-template-columns: repeat(auto-fill, minmax(280px, 1fr)); gap: 12px; align-items: start; }
figure { margin: 0; }
div { position: relative; }
img { width: 100%; display: block; }
i { position: absolute; outline: 2px solid #ffb000; box-shadow: 0 0 0 3px #0008; }
</style>
<h1>${escape(title)}: ${matches.length} photos</h1>
<main>
${photos.join('\n')}
</main>
</html>
`;
}

function percent(share: number): string {
  return `${(100 * share).toFixed(2)}%`;
}

function escape(text: string): string {
  return text.replaceAll(/[&<>"']/g, (character) => `&#${character.charCodeAt(0)};`);
}
