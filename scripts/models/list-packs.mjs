import { existsSync } from 'node:fs';
import { stat } from 'node:fs/promises';
import path from 'node:path';
import { readPacks } from './manifest.mjs';

/** @typedef {import('./manifest.mjs').ModelFile} ModelFile */

const HEADER = ['pack', 'size', 'dimensions', 'licence', 'LFW', 'TAR at 1e-5', 'ms', 'state'];

/** What it means that a pack was not measured. */
export const UNMEASURED =
  'the calibration is a placeholder, so scores mean little until you measure the pack with npm run eval';

/**
 * A table of all packs. `ms`: time to embed a face with one thread on the machine where the pack was measured.
 *
 * @param {string} directory of the models
 * @param {string} projectModels its manifest is used if the directory has none
 */
export async function listPacks(directory, projectModels) {
  const own = path.join(directory, 'manifest.json');
  const packs = await readPacks(existsSync(own) ? own : path.join(projectModels, 'manifest.json'));
  const rows = await Promise.all(
    Object.entries(packs).map(async ([name, { detector, embedder, measured }]) => {
      const figures =
        measured === null
          ? ['not run', 'not run', 'not run']
          : [
              `${measured.lfwPercent.toFixed(1)} %`,
              `${measured.tarAt1e5Percent.toFixed(1)} %`,
              measured.embedMs === null ? 'not run' : String(measured.embedMs),
            ];
      return [
        name,
        sizeOf([detector, embedder]),
        String(embedder.embeddingSize),
        embedder.nonCommercial && !/non-commercial/i.test(embedder.licence)
          ? `${embedder.licence} (non-commercial)`
          : embedder.licence,
        ...figures,
        await stateOf(directory, [detector, embedder]),
      ];
    }),
  );
  const widths = HEADER.map((title, i) =>
    Math.max(title.length, ...rows.map((row) => (row[i] ?? '').length)),
  );
  const table = [HEADER, ...rows]
    .map((row) =>
      row
        .map((cell, i) => cell.padEnd(widths[i] ?? 0))
        .join('  ')
        .trimEnd(),
    )
    .join('\n');
  const hasUnmeasured = Object.values(packs).some(({ measured }) => measured === null);
  return hasUnmeasured ? `${table}\n\nnot run: ${UNMEASURED}` : table;
}

/** @param {readonly ModelFile[]} files */
function sizeOf(files) {
  let total = 0;
  for (const { bytes } of files) {
    if (bytes === null) return 'unknown';
    total += bytes;
  }
  return `${Math.max(1, Math.round(total / 1e6))} MB`;
}

/**
 * Files are installed only after their hash was verified, so checking their size is enough.
 *
 * @param {string} directory
 * @param {readonly ModelFile[]} files
 */
async function stateOf(directory, files) {
  const missing = [];
  for (const { file, bytes } of files) {
    const found = await stat(path.join(directory, file)).catch(() => null);
    if (found === null || (bytes !== null && found.size !== bytes)) missing.push(file);
  }
  if (missing.length === 0) return 'installed';
  return missing.length === files.length ? 'not installed' : `lacks ${missing.join(', ')}`;
}
