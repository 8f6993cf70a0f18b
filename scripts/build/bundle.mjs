import { readdir, readFile, rm, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { rolldown } from 'rolldown';

/**
 * Replaces the entry files in dist/ with bundles. Node 20 takes longer to find and link a few hundred small modules
 * than to run them, and keeps them in memory once per thread. The other files in dist/ stay as tsc wrote them.
 */

const DIST = fileURLToPath(new URL('../../dist/', import.meta.url));
const ENTRIES = ['supervisor', 'child', 'child/engine/engine-thread', 'child/gallery-thread/gallery-thread'];
const SHARED = 'bundle';

/** Packages with native code or files of their own. Their CommonJS versions load faster. */
const NATIVE = ['sharp', 'onnxruntime-node'];
/** Loaded on demand only. */
const EXTERNAL = ['@aws-sdk/client-s3', 'heic-decode', 'systeminformation'];

const DIST_URL = '__DIST_URL__';

await rm(path.join(DIST, SHARED), { recursive: true, force: true });
const bundle = await rolldown({
  input: Object.fromEntries(ENTRIES.map((name) => [name, path.join(DIST, `${name}.js`)])),
  platform: 'node',
  external: EXTERNAL,
  // Packages mark code for other platforms in ways that do not concern us.
  onwarn: () => undefined,
  plugins: [
    {
      // V8 keeps the text of a file in two bytes a character if one of them is not Latin-1.
      name: 'latin-1',
      generateBundle: (_options, files) => {
        for (const file of Object.values(files)) {
          if (file.type === 'chunk') file.code = file.code.replaceAll(/[^\0-\xFF]/g, escapeCharacter);
        }
      },
    },
    {
      name: 'native-packages',
      resolveId: (id) => (NATIVE.includes(id) ? `\0${id}` : null),
      load: (id) =>
        id.startsWith('\0') && NATIVE.includes(id.slice(1))
          ? {
              code: `module.exports = require('node:module').createRequire(${DIST_URL})('${id.slice(1)}');`,
              moduleType: 'js',
            }
          : null,
    },
    {
      name: 'original-locations',
      transform: (code, id) =>
        id.startsWith(DIST) && code.includes('import.meta.url')
          ? {
              code: code.replaceAll(
                'import.meta.url',
                `new URL('${path.relative(DIST, id)}', ${DIST_URL}).href`,
              ),
            }
          : null,
      renderChunk: (code, { fileName }) => {
        const up = path.relative(path.dirname(fileName), '.') || '.';
        return code.replaceAll(DIST_URL, `new URL('${up}/', import.meta.url).href`);
      },
    },
  ],
});
const { output } = await bundle.write({
  dir: DIST,
  format: 'esm',
  entryFileNames: '[name].js',
  chunkFileNames: `${SHARED}/[name]-[hash].js`,
  sourcemap: true,
  // V8 keeps the text of a file in memory, in each process. The licenses have a file of their own.
  comments: false,
  // Otherwise zod shares a file with the error classes, and takes 3 MB in each engine thread, which does not use it.
  codeSplitting: { groups: [{ name: 'zod', test: /node_modules\/zod\// }] },
});
await bundle.close();
const modules = output.flatMap((file) => (file.type === 'chunk' ? file.moduleIds : []));
await writeFile(path.join(DIST, SHARED, 'LICENSES.txt'), await readLicenses(modules));
console.log(`Bundled ${ENTRIES.length} entries and ${output.length} files`);

/** For strings and regular expressions; code outside of them is ASCII. @param {string} character one UTF-16 unit */
function escapeCharacter(character) {
  return `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`;
}

/** The licences of the bundled packages, which their authors want to go with every copy. @param {readonly string[]} ids */
async function readLicenses(ids) {
  const folders = new Set(ids.flatMap((id) => /^.*\/node_modules\/(@[^/]+\/)?[^/]+/.exec(id)?.[0] ?? []));
  const texts = await Promise.all(
    [...folders].toSorted().map(async (folder) => {
      const { name, version, license } = JSON.parse(
        await readFile(path.join(folder, 'package.json'), 'utf8'),
      );
      const file = (await readdir(folder)).find((entry) => /^licen[cs]e/i.test(entry));
      const text = file === undefined ? '' : await readFile(path.join(folder, file), 'utf8');
      return `${name} ${version} (${license})\n\n${text.trim()}\n`;
    }),
  );
  return texts.join(`\n${'-'.repeat(80)}\n\n`);
}
