import { readFile } from 'node:fs/promises';
import { z } from 'zod';

const sha256 = z.string().regex(/^[0-9a-f]{64}$/, 'must be 64 lower-case hexadecimal digits');

const packagedFile = z.object({
  name: z.string().regex(/^(@[\w.-]+\/)?[\w.-]+$/, 'must be the name of an npm package'),
  version: z.string().regex(/^\d+\.\d+\.\d+[\w.+-]*$/, 'must be an exact version'),
  integrity: z.string().startsWith('sha512-'),
  path: z.string().regex(/^package\/(?!.*\.\.)[\w./-]+$/, 'must be a path in the tarball: package/…'),
});

const modelFile = z.object({
  file: z.string().regex(/^[\w.-]+\.onnx$/, 'must be the bare name of an .onnx file'),
  package: packagedFile.optional(),
  urls: z.array(z.url({ protocol: /^https?$/ })),
  bytes: z.int().positive().nullable(),
  sha256,
  licence: z.string().min(1),
  nonCommercial: z.boolean().default(false),
});

const pack = z.object({
  detector: modelFile,
  embedder: modelFile.extend({ embeddingSize: z.int().positive() }),
  /** What was measured; see models/README.md. */
  measured: z
    .object({ lfwPercent: z.number(), tarAt1e5Percent: z.number(), embedMs: z.number().nullable() })
    .nullable()
    .default(null),
});

const manifest = z.object({ packs: z.record(z.string(), pack) });

/** The fields of a model file that the download needs. @typedef {z.infer<typeof modelFile>} ModelFile */
/** @typedef {z.infer<typeof pack>} Pack */

/**
 * @param {string} manifestFile
 * @returns {Promise<Record<string, Pack>>} packs by name
 * @throws {Error} if the manifest is missing or invalid
 */
export async function readPacks(manifestFile) {
  const parsed = manifest.safeParse(parse(await readFile(manifestFile, 'utf8'), manifestFile));
  if (!parsed.success) {
    throw new Error(`The manifest ${manifestFile} is invalid:\n${z.prettifyError(parsed.error)}`);
  }
  return parsed.data.packs;
}

/**
 * @param {string} manifestFile
 * @param {string} name
 * @throws {Error} if the manifest or the pack is missing, or the manifest is invalid
 */
export async function readPack(manifestFile, name) {
  const packs = await readPacks(manifestFile);
  const found = packs[name];
  if (found === undefined) {
    const known = Object.keys(packs).join(', ');
    throw new Error(
      `There is no model pack "${name}" in ${manifestFile}. Choose one with --pack or MODEL_PACK: ${known}.`,
    );
  }
  return found;
}

/**
 * @param {string} text
 * @param {string} manifestFile
 * @returns {unknown}
 */
function parse(text, manifestFile) {
  try {
    return JSON.parse(text);
  } catch (error) {
    throw new Error(`The manifest ${manifestFile} is not JSON.`, { cause: error });
  }
}
