import { spawn } from 'node:child_process';
import { mkdtemp, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { pathToFileURL } from 'node:url';
import type { SearchMatch } from '../shared/job.js';
import type { PhotoLinks } from './photo-links.js';
import { count } from './terminal.js';

const OPENERS: Partial<Record<NodeJS.Platform, string>> = { darwin: 'open', win32: 'explorer' };

export interface ContactSheetOptions {
  readonly linkOf: PhotoLinks;
  readonly title: string;
  /** Paths of the photos of the person. */
  readonly selfies: readonly string[];
  /** Lowest score of a match; `undefined` for the worker's MATCH_THRESHOLD. */
  readonly threshold: number | undefined;
  readonly seconds: string;
}

/**
 * Writes a page that shows the photos of a result, with a frame around each face.
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
  { linkOf, title, selfies, threshold, seconds }: ContactSheetOptions,
): string {
  const persons = selfies.map(
    (file) => `<img class="selfie" alt="Selfie" src="${escape(pathToFileURL(file).href)}">`,
  );
  const facts = `Score ${threshold ?? "of the worker's MATCH_THRESHOLD"} or more, found in ${seconds} s`;
  const photos = matches.map(({ id, score, box }, i) => {
    const url = linkOf(id);
    const frame =
      box === undefined || url === null
        ? ''
        : `<i style="left:${percent(box.x)};top:${percent(box.y)};width:${percent(box.width)};height:${percent(box.height)}"></i>`;
    const image = url === null ? '' : `<img loading="lazy" alt="" src="${escape(url)}">`;
    return `<figure><div>${image}${frame}</div><figcaption>${i + 1}. ${escape(id)} · ${score.toFixed(3)}</figcaption></figure>`;
  });
  return `<!doctype html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width">
<title>${escape(title)}: ${count(matches.length, 'photo')}</title>
<style>
:root { color-scheme: light dark; font: 14px system-ui, sans-serif; }
main { columns: 280px; column-gap: 12px; }
figure { margin: 0 0 12px; break-inside: avoid; }
div { position: relative; }
figure img { width: 100%; display: block; }
.selfie { height: 160px; }
i { position: absolute; outline: 2px solid #ffb000; box-shadow: 0 0 0 3px #0008; }
</style>
<h1>${escape(title)}: ${count(matches.length, 'photo')}</h1>
${persons.join('\n')}
<p>${escape(facts)}</p>
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
