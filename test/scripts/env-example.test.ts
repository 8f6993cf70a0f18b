import { readFileSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { parseEnv } from 'node:util';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { loadConfig } from '../../src/shared/config.js';

const root = path.resolve(import.meta.dirname, '../..');
const example = parseEnv(readFileSync(path.join(root, '.env.example'), 'utf8'));
let emptyDirectory: string;

beforeAll(async () => {
  emptyDirectory = await mkdtemp(path.join(tmpdir(), 'env-example-'));
});

afterAll(async () => {
  await rm(emptyDirectory, { recursive: true });
});

describe('.env.example', () => {
  it('shows the defaults', () => {
    expect(loadConfig(example, emptyDirectory)).toEqual(loadConfig({}, emptyDirectory));
  });

  it('names every variable that the configuration reads', () => {
    const source = readFileSync(path.join(root, 'src/shared/environment.ts'), 'utf8');
    const names = [...source.matchAll(/^ {2}([A-Z][A-Z0-9_]+):/gm)].map(([, name]) => name);

    expect(names.length).toBeGreaterThan(20);
    expect(new Set(Object.keys(example))).toEqual(new Set([...names, 'MODELS_MIRROR']));
  });
});
