import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { writeTinyModels } from '../../scripts/tiny/models.mjs';
import type { ModelPack } from '../../src/shared/model-pack.js';

type Manifest = {
  readonly packs: { readonly tiny: Pick<ModelPack, 'detector' | 'embedder' | 'calibration'> };
};

/** A models folder with the pack `tiny`, for a test to spoil. */
export interface ModelFolder {
  readonly directory: string;
  changePack(change: (pack: Manifest['packs']['tiny']) => void): Promise<void>;
  write(file: string, content: string | Buffer): Promise<void>;
  remove(): Promise<void>;
}

export async function createModelFolder(): Promise<ModelFolder> {
  const directory = await mkdtemp(path.join(tmpdir(), 'models-'));
  await writeTinyModels(directory);
  const write = (file: string, content: string | Buffer) => writeFile(path.join(directory, file), content);
  return {
    directory,
    changePack: async (change) => {
      const text = await readFile(path.join(directory, 'manifest.json'), 'utf8');
      const manifest = JSON.parse(text) as Manifest;
      change(manifest.packs.tiny);
      await write('manifest.json', JSON.stringify(manifest));
    },
    write,
    remove: () => rm(directory, { recursive: true }),
  };
}
