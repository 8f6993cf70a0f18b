import { spawn } from 'node:child_process';
import { mkdtemp, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { pathToFileURL } from 'node:url';
import type { SearchMatch } from '../shared/job.js';
import { count } from './terminal.js';

const OPENERS: Partial<Record<NodeJS.Platform, string>> = { darwin: 'open', win32: 'explorer' };

export interface ContactSheetOptions {
  readonly galleryDir: string;
  readonly title: string;
}

/**
 * Writes a page that shows the photos of a result, with a frame around each face. The page links to the photos on
 * this machine.
 *
 * @returns the path of the page, in a new folder that only this user can read
 */
export async function writeContactSheet(
  matches: readonly SearchMatch[],
  options: ContactSheetOptions,
): Promise<string> {
  const file = path.join(await mkdtemp(path.join(tmpdir(), 'face-search-')), 'matches.html');
  await writeFile(file, formatContactSheet(matches, options), { mode: 0o600 });
  return file;
}

/** @returns false where no browser can be started */
export function openInBrowser(file: string): Promise<boolean> {
  return new Promise((resolve) => {
    const opener = spawn(OPENERS[process.platform] ?? 'xdg-open', [file], {
      stdio: 'ignore',
      detached: true,
    });
    opener.once('error', () => resolve(false));
    opener.once('spawn', () => {
      opener.unref();
      resolve(true);
    });
  });
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
<title>${escape(title)}: ${count(matches.length, 'photo')}</title>
<style>
:root { color-scheme: light dark; font: 14px system-ui, sans-serif; }
main { display: grid; grid-template-columns: repeat(auto-fill, minmax(280px, 1fr)); gap: 12px; align-items: start; }
figure { margin: 0; }
div { position: relative; }
img { width: 100%; display: block; }
i { position: absolute; outline: 2px solid #ffb000; box-shadow: 0 0 0 3px #0008; }
</style>
<h1>${escape(title)}: ${count(matches.length, 'photo')}</h1>
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
