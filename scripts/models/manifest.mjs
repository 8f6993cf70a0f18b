import { readFile } from 'node:fs/promises';
import { z } from 'zod';

const sha256 = z.string().regex(/^[0-9a-f]{64}$/, 'must be 64 lower-case hexadecimal digits');

const modelFile = z.object({
  file: z.string().regex(/^[\w.-]+\.onnx$/, 'must be the bare name of an .onnx file'),
  url: z.url({ protocol: /^https?$/ }).nullable(),
  bytes: z.int().positive().nullable(),
  sha256,
  licence: z.string().min(1),
});

const manifest = z.object({
  packs: z.record(z.string(), z.object({ detector: modelFile, embedder: modelFile })),
});

/**
 * What fetching needs to know of a model file: its name, its upstream address (`null`: there is none), its
 * size (`null`: not known) and its SHA-256.
 *
 * @typedef {z.infer<typeof modelFile>} ModelFile
 */

/**
 * The files of one pack.
 *
 * @param {string} manifestFile
 * @param {string} pack
 * @returns {Promise<ModelFile[]>}
 * @throws {Error} there is no such manifest or pack, or the manifest is wrong
 */
export async function readPack(manifestFile, pack) {
  const parsed = manifest.safeParse(parse(await readFile(manifestFile, 'utf8'), manifestFile));
  if (!parsed.success) {
    throw new Error(`The manifest ${manifestFile} is wrong:\n${z.prettifyError(parsed.error)}`);
  }
  const found = parsed.data.packs[pack];
  if (found === undefined) {
    const known = Object.keys(parsed.data.packs).join(', ');
    throw new Error(
      `There is no model pack "${pack}" in ${manifestFile}. Choose one with --pack or MODEL_PACK: ${known}.`,
    );
  }
  return [found.detector, found.embedder];
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
