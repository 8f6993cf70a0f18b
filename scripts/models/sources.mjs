import path from 'node:path';
import { fileURLToPath } from 'node:url';

/** Where a file may be had. @typedef {{ kind: 'file', path: string } | { kind: 'http', url: string }} Source */

/**
 * Places of one model file, in the order in which they are tried.
 *
 * @param {import('./manifest.mjs').ModelFile} model
 * @param {string | null} mirror a folder or a URL
 * @param {readonly string[]} localCopies
 * @returns {Source[]}
 */
export function listSources(model, mirror, localCopies) {
  /** @type {Source[]} */
  const sources = [];
  if (mirror !== null) sources.push(mirrorSource(mirror, model.file));
  for (const copy of localCopies) sources.push({ kind: 'file', path: copy });
  if (model.url !== null) sources.push({ kind: 'http', url: model.url });
  return sources;
}

/** @param {Source} source */
export function addressOf(source) {
  return source.kind === 'file' ? source.path : source.url;
}

/**
 * @param {string} mirror
 * @param {string} file
 * @returns {Source}
 */
function mirrorSource(mirror, file) {
  if (/^https?:\/\//.test(mirror)) return { kind: 'http', url: `${mirror.replace(/\/+$/, '')}/${file}` };
  const folder = mirror.startsWith('file://') ? fileURLToPath(mirror) : path.resolve(mirror);
  return { kind: 'file', path: path.join(folder, file) };
}
