import { createHash } from 'node:crypto';
import { mkdtemp, readFile, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { drawScene } from '../../../scripts/tiny/scene.mjs';
import { writeTinyModels } from '../../../scripts/tiny/models.mjs';

let directory: string;

beforeEach(async () => {
  directory = await mkdtemp(path.join(tmpdir(), 'tiny-models-'));
});

afterEach(async () => {
  await rm(directory, { recursive: true });
});

describe('writeTinyModels', () => {
  it('writes a manifest with the size and the SHA-256 of each file', async () => {
    await writeTinyModels(directory);

    const manifest = JSON.parse(await readFile(path.join(directory, 'manifest.json'), 'utf8'));
    for (const { file, bytes, sha256 } of [manifest.packs.tiny.detector, manifest.packs.tiny.embedder]) {
      const content = await readFile(path.join(directory, file));
      expect(content).toHaveLength(bytes);
      expect(createHash('sha256').update(content).digest('hex')).toBe(sha256);
      expect(bytes).toBeLessThan(1_000_000);
    }
    expect(await readdir(directory)).toHaveLength(3);
  });

  it('writes the same bytes each time, and creates the directory', async () => {
    await writeTinyModels(path.join(directory, 'a', 'b'));
    await writeTinyModels(directory);

    const [first, second] = await Promise.all(
      ['a/b/manifest.json', 'manifest.json'].map((file) => readFile(path.join(directory, file))),
    );
    expect(first).toEqual(second);
  });
});

describe('drawScene', () => {
  it('rejects a person outside the known range', async () => {
    const faces = [{ person: 1023, x: 0, y: 0, sizePx: 50 }];

    await expect(drawScene({ widthPx: 100, heightPx: 100, faces })).rejects.toThrow(
      /from 0 to 1022, but is 1023/,
    );
  });
});
