import { existsSync } from 'node:fs';
import { mkdtemp, readdir, readFile, rm, symlink } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import sharp from 'sharp';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Face, AnalyzedImage } from '../../../src/child/engine/engine.js';
import { findModelPack, type ModelPack } from '../../../src/shared/model-pack.js';
import { analyzeImage } from '../../../src/child/engine/analyze-image.js';
import { type Networks, openNetworks } from '../../../src/child/engine/networks.js';
import { prepareEmbedder } from '../../../scripts/models/prepare-embedder.mjs';
import { createCalibration } from '../../../src/shared/calibration.js';
import { loadConfig } from '../../../src/shared/config.js';
import { cosine } from '../../support/cosine.js';
import { openPipeline, type Pipeline } from '../../support/pipeline.js';

const PACK = 'mobilefacenet';
const MODEL_FILES = ['yunet_n_dynamic.onnx', 'fr_feature.onnx'];

/** Models and photographs are too large and not ours to give: they lie beside the checkout, where there are any. */
const shared = fileURLToPath(new URL('../../../../shared', import.meta.url));
const inShared = (...parts: string[]): string => path.join(shared, ...parts);
const needed = [
  ...MODEL_FILES.map((file) => inShared('models', file)),
  inShared('data/faces/pairs.csv'),
  inShared('data/groups'),
  inShared('data/lfw'),
];
const missing = needed.filter((place) => !existsSync(place)).map((place) => path.relative(shared, place));
const reason = missing.length === 0 ? '' : ` (skipped: ../shared has no ${missing.join(', ')})`;

describe.skipIf(missing.length > 0)(`real models on photographs${reason}`, () => {
  let directory: string;
  let pipeline: Pipeline;
  /** The pack as it is without preparation. */
  let source: ModelPack;
  let scoreOf: (cosine: number) => number;

  beforeAll(async () => {
    directory = await mkdtemp(path.join(tmpdir(), 'real-models-'));
    for (const file of MODEL_FILES) await symlink(inShared('models', file), path.join(directory, file));
    source = await findModelPack(PACK, directory);
    await prepareEmbedder(source.embedder, directory);
    pipeline = await openPipeline(PACK, directory);
    ({ scoreOf } = createCalibration((await findModelPack(PACK, directory)).calibration));
  });
  afterAll(async () => {
    await pipeline.close();
    await rm(directory, { recursive: true });
  });

  const analyze = async (...parts: string[]): Promise<AnalyzedImage> =>
    pipeline.analyze(await readFile(inShared('data', ...parts)));

  it('find one face in each portrait, and classify all 300 labelled pairs correctly at the usual threshold', async () => {
    const faces = new Map<string, Face>();
    for (const file of await readdir(inShared('data/faces'))) {
      if (!file.endsWith('.jpg')) continue;
      const picture = await analyze('faces', file);
      expect(picture.faces, file).toHaveLength(1);
      faces.set(file, picture.faces[0] as Face);
    }
    const [, ...rows] = (await readFile(inShared('data/faces/pairs.csv'), 'utf8')).trim().split(/\r?\n/);
    const { threshold } = loadConfig({}, directory).jobs;
    const wrong = rows.filter((row) => {
      const [a = '', b = '', decision] = row.split(',');
      const [first, second] = [faces.get(a) as Face, faces.get(b) as Face];
      const score = scoreOf(cosine(first.embedding, second.embedding));
      return score >= threshold !== (decision === 'Yes');
    });
    expect(rows).toHaveLength(300);
    expect(wrong).toEqual([]);
  });

  it('compute the same embeddings of 100 faces as the original embedder', async () => {
    const prepared = await findModelPack(PACK, directory);
    expect(prepared.cpuEmbedderPath).not.toBe(source.cpuEmbedderPath);
    const [networks, reference] = [
      await openNetworks(prepared, 'cpu', 1),
      await openNetworks(source, 'cpu', 1),
    ];
    const cosines: number[] = [];
    const compared: Networks = {
      ...networks,
      runEmbedder: async (...input) => {
        const [actual, expected] = [
          await networks.runEmbedder(...input),
          await reference.runEmbedder(...input),
        ];
        for (let start = 0; start < expected.length; start += 512) {
          cosines.push(cosine(actual.slice(start, start + 512), expected.slice(start, start + 512)));
        }
        return actual;
      },
    };
    for (const file of await lfwPhotos(100)) {
      await analyzeImage(await readFile(file), { pack: prepared, networks: compared, maxImagePixels: 1e8 });
    }
    await Promise.all([networks.release(), reference.release()]);
    expect(cosines.length).toBeGreaterThanOrEqual(100);
    expect(Math.min(...cosines)).toBeGreaterThan(0.99999);
  });

  it('turn a selfie upright whose face, upside down, looks upright to the detector', async () => {
    const prepared = await findModelPack(PACK, directory);
    const networks = await openNetworks(prepared, 'cpu', 1);
    for (const file of ['Al_Sharpton/Al_Sharpton_0003.jpg', 'Izzat_Ibrahim/Izzat_Ibrahim_0001.jpg']) {
      const selfie = await sharp(inShared('data/lfw', file)).rotate(180).jpeg({ quality: 95 }).toBuffer();
      const { turnedDeg } = await analyzeImage(selfie, {
        pack: prepared,
        networks,
        maxImagePixels: 1e8,
        kind: 'selfie',
      });
      expect(turnedDeg, file).toBe(180);
    }
    await networks.release();
  });

  it('leave a selfie that is cropped to the face upright, and recognise the person', async () => {
    const prepared = await findModelPack(PACK, directory);
    const networks = await openNetworks(prepared, 'cpu', 1);
    const options = { pack: prepared, networks, maxImagePixels: 1e8 };
    for (const file of ['Adam_Sandler/Adam_Sandler_0001.jpg', 'Alan_Ball/Alan_Ball_0001.jpg']) {
      const photo = inShared('data/lfw', file);
      const [whole] = (await analyzeImage(await readFile(photo), options)).faces;
      const { x, y, width, height } = whole?.box ?? { x: 0, y: 0, width: 0, height: 0 };
      const [left, top] = [Math.ceil(x), Math.ceil(y)];
      const selfie = await sharp(photo)
        .extract({ left, top, width: Math.floor(x + width) - left, height: Math.floor(y + height) - top })
        .resize(1080)
        .jpeg()
        .toBuffer();
      const { turnedDeg, faces, widthPx, heightPx } = await analyzeImage(selfie, {
        ...options,
        kind: 'selfie',
      });
      expect(turnedDeg, file).toBe(0);
      const [face] = faces;
      expect(isInside({ x: widthPx / 2, y: heightPx / 2 }, face as Face), file).toBe(true);
      expect((face as Face).box.width / widthPx, file).toBeCloseTo(1, 0);
      const similarity = cosine(face?.embedding as Float32Array, whole?.embedding as Float32Array);
      expect(scoreOf(similarity), file).toBeGreaterThan(0.6);
    }
    await networks.release();
  });

  it('find both faces of a couple', async () => {
    const { faces, widthPx, heightPx } = await analyze('groups/couple.jpg');
    expect([widthPx, heightPx]).toEqual([2280, 1588]);
    expect(faces).toHaveLength(2);
    const [left, right] = faces.toSorted((a, b) => a.box.x - b.box.x) as [Face, Face];
    expect(isInside({ x: 700, y: 880 }, left)).toBe(true);
    expect(isInside({ x: 1750, y: 700 }, right)).toBe(true);
  });

  it('find at least the six faces of a selfie that are not cut off by its edge', async () => {
    // Seven people are in it; of the one at the bottom left only half a face is.
    const { faces } = await analyze('groups/selfie-many-people.jpg');
    expect(faces.length).toBeGreaterThanOrEqual(6);
    expect(faces.length).toBeLessThanOrEqual(7);
  });
});

/** The first photos of Labeled Faces in the Wild, one of each person. */
async function lfwPhotos(count: number): Promise<string[]> {
  const folder = inShared('data/lfw');
  const people = (await readdir(folder, { withFileTypes: true })).filter((entry) => entry.isDirectory());
  return people
    .map(({ name }) => path.join(folder, name, `${name}_0001.jpg`))
    .filter((file) => existsSync(file))
    .slice(0, count);
}

function isInside({ x, y }: { x: number; y: number }, { box }: Face): boolean {
  return x > box.x && x < box.x + box.width && y > box.y && y < box.y + box.height;
}
