import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { readPack } from '../../../scripts/models/manifest.mjs';

const projectManifest = path.resolve(import.meta.dirname, '../../../models/manifest.json');

describe('the manifest of the project', () => {
  it.each([
    ['mobilefacenet', ['yunet_n_dynamic.onnx', 'fr_feature.onnx']],
    ['arcface-r50', ['yunet_n_dynamic.onnx', 'w600k_r50.onnx']],
    ['auraface', ['yunet_n_dynamic.onnx', 'glintr100.onnx']],
    ['mobileface', ['yunet_n_dynamic.onnx', 'mobileface_v2.onnx']],
    ['edgeface', ['yunet_n_dynamic.onnx', 'edgeface_xs_gamma_06.onnx']],
  ])('has the pack %s', async (pack, files) => {
    const { detector, embedder } = await readPack(projectManifest, pack);
    expect([detector.file, embedder.file]).toEqual(files);
  });

  it('maps higher cosines to higher scores', async () => {
    const { packs } = JSON.parse(await readFile(projectManifest, 'utf8'));

    for (const { calibration } of Object.values<{ calibration: [number, number][] }>(packs)) {
      expect(calibration[0]).toEqual([-1, 0]);
      expect(calibration.at(-1)).toEqual([1, 1]);
      for (const [i, [cosine, score]] of calibration.slice(1).entries()) {
        expect(cosine).toBeGreaterThan(calibration[i]?.[0] ?? Number.NaN);
        expect(score).toBeGreaterThan(calibration[i]?.[1] ?? Number.NaN);
      }
    }
  });
});

describe('readPack', () => {
  let directory: string;

  beforeEach(async () => {
    directory = await mkdtemp(path.join(tmpdir(), 'manifest-'));
  });

  afterEach(async () => {
    await rm(directory, { recursive: true });
  });

  it.each([
    ['is no JSON', '{', /is not JSON/],
    ['has no packs', '{}', /is invalid:[^]*packs/],
    [
      'names a file outside of its folder',
      JSON.stringify({ packs: { a: { detector: { file: '../a.onnx' } } } }),
      /bare name of an \.onnx file/,
    ],
  ])('refuses a manifest that %s', async (_, text, message) => {
    const file = path.join(directory, 'manifest.json');
    await writeFile(file, text);

    await expect(readPack(file, 'a')).rejects.toThrow(message);
  });
});
