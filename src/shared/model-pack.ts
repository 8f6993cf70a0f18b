import { createHash } from 'node:crypto';
import { existsSync } from 'node:fs';
import { readFile, stat } from 'node:fs/promises';
import path from 'node:path';
import { z } from 'zod';
import { StartupError } from './errors.js';
import { EXIT_CODES } from './exit-codes.js';
import { isCalibration } from './calibration.js';
import { ALIGNED_SIZE_PX } from './face.js';
import { modelsCommand, PACKAGE_ROOT } from './models-dir.js';

const PROJECT_MANIFEST = path.join(PACKAGE_ROOT, 'models/manifest.json');

/** Increase it with every change of the pipeline that changes its results. */
const PIPELINE_VERSION = 2;

const DEFAULT_PACK = 'mobilefacenet';

/** The same number as in `scripts/models/prepare-embedder.mjs`, which writes the files. */
const PREPARATION_VERSION = 1;

const file = {
  file: z.string(),
  bytes: z.int().positive().nullable(),
  sha256: z.string(),
  licence: z.string(),
  nonCommercial: z.boolean().default(false),
};
const input = {
  channels: z.enum(['rgb', 'bgr']),
  mean: z.number(),
  scale: z.number().refine((scale) => scale !== 0, 'must not be 0'),
};

const detectorModel = z.object({
  ...file,
  input: z.object(input),
  strides: z.array(z.literal([8, 16, 32])).min(1),
  scoreThreshold: z.number().min(0).max(1),
  iouThreshold: z.number().min(0).max(1),
});
const embedderModel = z.object({
  ...file,
  input: z.object({ ...input, sizePx: z.literal(ALIGNED_SIZE_PX).default(ALIGNED_SIZE_PX) }),
  embeddingSize: z.int().positive(),
});
const calibration = z
  .array(z.tuple([z.number(), z.number()]))
  .refine(isCalibration, 'must rise from [-1, 0] to [1, 1]');
const pack = z.object({ detector: detectorModel, embedder: embedderModel, calibration });
const manifest = z.object({ packs: z.record(z.string(), pack) });

export type DetectorModel = z.infer<typeof detectorModel>;
export type EmbedderModel = z.infer<typeof embedderModel>;

/** An installed model pack. Plain data, because it is sent to the engine threads. */
export interface ModelPack extends z.infer<typeof pack> {
  readonly name: string;
  readonly detectorPath: string;
  readonly embedderPath: string;
  /** The embedder for sessions on the CPU: the same file, or a version that is faster on the CPU. */
  readonly cpuEmbedderPath: string;
}

/**
 * Reads a pack from `manifest.json` in the models folder, or else from the project's own manifest, and checks that its
 * files exist in full size. Their SHA-256 was checked after the download.
 *
 * @throws {StartupError} `modelsMissing`, with the command that downloads them; `badConfig` if the manifest is invalid or
 *   lacks the pack
 */
export async function findModelPack(name: string, modelsDir: string): Promise<ModelPack> {
  const ownManifest = path.join(modelsDir, 'manifest.json');
  const manifestPath = existsSync(ownManifest) ? ownManifest : PROJECT_MANIFEST;
  const { packs } = await readManifest(manifestPath);
  const found = packs[name];
  if (found === undefined) {
    throw new StartupError(
      `There is no model pack "${name}" in ${manifestPath}; MODEL_PACK may be: ${Object.keys(packs).join(', ')}`,
      EXIT_CODES.badConfig,
    );
  }
  const detectorPath = path.join(modelsDir, found.detector.file);
  const sourcePath = path.join(modelsDir, found.embedder.file);
  await checkFile(detectorPath, found.detector.bytes, name);
  await checkFile(sourcePath, found.embedder.bytes, name);
  const prepared = (target: string): string => {
    const { file: source, sha256 } = found.embedder;
    const version = `${sha256.slice(0, 8)}-v${PREPARATION_VERSION}`;
    return path.join(modelsDir, `${path.basename(source, '.onnx')}.${version}.${target}.onnx`);
  };
  const embedderPath = existsSync(prepared('any')) ? prepared('any') : sourcePath;
  const cpuEmbedderPath = existsSync(prepared('cpu')) ? prepared('cpu') : embedderPath;
  return { ...found, name, detectorPath, embedderPath, cpuEmbedderPath };
}

async function readManifest(manifestPath: string): Promise<z.infer<typeof manifest>> {
  try {
    return manifest.parse(JSON.parse(await readFile(manifestPath, 'utf8')));
  } catch (error) {
    const why = error instanceof z.ZodError ? z.prettifyError(error) : String(error);
    throw new StartupError(
      `The models' manifest ${manifestPath} cannot be used: ${why}`,
      EXIT_CODES.badConfig,
    );
  }
}

async function checkFile(modelPath: string, bytes: number | null, packName: string): Promise<void> {
  const size = await stat(modelPath).then(
    (found) => found.size,
    () => null,
  );
  if (size !== null && (bytes === null || size === bytes)) return;
  const problem = size === null ? 'is missing' : `has ${size} bytes instead of ${bytes}`;
  const command = packName === DEFAULT_PACK ? modelsCommand() : `MODEL_PACK=${packName} ${modelsCommand()}`;
  throw new StartupError(
    `The model file ${modelPath} ${problem}. Fetch it with: ${command}`,
    EXIT_CODES.modelsMissing,
  );
}

/**
 * The key under which computed faces are stored. Faces of different packs, model files or pipeline versions cannot be
 * compared, so they have different keys. Prepared versions of a file give the same results, so they share its key.
 *
 * @param galleryUpright `GALLERY_UPRIGHT`, which changes the faces of some photos
 */
export function packKey({ name, detector, embedder }: ModelPack, galleryUpright: boolean): string {
  // Another name with every change of `turn-upright.ts` that changes its results.
  const options = galleryUpright ? ['upright-3'] : [];
  const parts = JSON.stringify([
    PIPELINE_VERSION,
    whatComputes(detector),
    whatComputes(embedder),
    ...options,
  ]);
  return `${name}-${createHash('sha256').update(parts).digest('hex').slice(0, 8)}`;
}

/** Licence of the embedder, with a note if it forbids commercial use. */
export function licenseOf({ embedder: { licence, nonCommercial } }: ModelPack): string {
  return nonCommercial && !/non-commercial/i.test(licence) ? `${licence} (non-commercial)` : licence;
}

/** The fields of a model's entry that affect the results. */
function whatComputes<T extends z.infer<z.ZodObject<typeof file>>>(model: T) {
  const { file: _file, bytes: _bytes, licence: _licence, nonCommercial: _nonCommercial, ...rest } = model;
  return rest;
}
