import { createHash } from 'node:crypto';
import { existsSync } from 'node:fs';
import { readFile, stat } from 'node:fs/promises';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { z } from 'zod';
import { StartupError } from './errors.js';
import { EXIT_CODES } from './exit-codes.js';
import { isCalibration } from './calibration.js';

const PROJECT_MANIFEST = fileURLToPath(new URL('../../models/manifest.json', import.meta.url));
/** Side of the aligned crop that every embedder takes. */
export const ALIGNED_SIZE_PX = 112;

/** To be raised with every change of the pipeline that changes what it computes of a photo. */
const PIPELINE_VERSION = 2;

const DEFAULT_PACK = 'mobilefacenet';

const file = { file: z.string(), bytes: z.int().positive().nullable() };
/** `name` is null where the model has only one input. */
const input = {
  name: z.string().nullable(),
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
  input: z.object({ ...input, sizePx: z.literal(ALIGNED_SIZE_PX) }),
  /** Null where the model has only one output. */
  output: z.string().nullable(),
  embeddingSize: z.int().positive(),
});
const calibration = z
  .array(z.tuple([z.number(), z.number()]))
  .refine(isCalibration, 'must rise from [-1, 0] to [1, 1]');
const pack = z.object({ detector: detectorModel, embedder: embedderModel, calibration });
const manifest = z.object({ packs: z.record(z.string(), pack) });

export type DetectorModel = z.infer<typeof detectorModel>;
export type EmbedderModel = z.infer<typeof embedderModel>;

/** A model pack whose files are there. Plain data: it crosses to the engine threads. */
export interface ModelPack extends z.infer<typeof pack> {
  readonly name: string;
  readonly detectorPath: string;
  readonly embedderPath: string;
}

/**
 * Reads a pack from `manifest.json` in the models folder, or from the project's own where that has none, and
 * checks that its files are there in their full size. Their sha256 was checked when they were fetched.
 *
 * @throws {StartupError} `modelsMissing`, with the command that fetches them; `badConfig` for a manifest that is
 *   wrong or lacks the pack
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
  const embedderPath = path.join(modelsDir, found.embedder.file);
  await checkFile(detectorPath, found.detector.bytes, name);
  await checkFile(embedderPath, found.embedder.bytes, name);
  return { ...found, name, detectorPath, embedderPath };
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
  const problem = size === null ? 'is not there' : `has ${size} bytes instead of ${bytes}`;
  const command = packName === DEFAULT_PACK ? 'npm run models' : `MODEL_PACK=${packName} npm run models`;
  throw new StartupError(
    `The model file ${modelPath} ${problem}. Fetch it with: ${command}`,
    EXIT_CODES.modelsMissing,
  );
}

/**
 * What computed faces are kept under: faces of another pack, of other files under the same name, or of an older
 * pipeline cannot be compared with these.
 */
export function packKey({ name, detector, embedder }: ModelPack): string {
  const parts = JSON.stringify([PIPELINE_VERSION, detector, embedder]);
  return `${name}-${createHash('sha256').update(parts).digest('hex').slice(0, 8)}`;
}
