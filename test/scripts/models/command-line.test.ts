import { execFile } from 'node:child_process';
import { once } from 'node:events';
import { cp, mkdir, mkdtemp, readFile, readdir, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { writeTinyModels } from '../../../scripts/tiny/models.mjs';
import { startFileServer } from './file-server.js';

const root = path.resolve(import.meta.dirname, '../../..');
let directory: string;

beforeEach(async () => {
  directory = await mkdtemp(path.join(tmpdir(), 'models-command-'));
  await writeTinyModels(path.join(directory, 'mirror'));
});

afterEach(async () => {
  await rm(directory, { recursive: true });
});

function startModels(args: readonly string[], environment: NodeJS.ProcessEnv = {}) {
  const output: string[] = [];
  const command = execFile(process.execPath, [path.join(root, 'scripts/models.mjs'), ...args], {
    cwd: directory,
    env: { PATH: process.env['PATH'], ...environment },
  });
  command.stdout?.on('data', (text) => output.push(text));
  command.stderr?.on('data', (text) => output.push(text));
  const done = once(command, 'close').then(([code]) => ({ code, text: output.join('') }));
  return { command, done };
}

/** A folder for models that has the manifest of the pack `tiny`. */
async function makeModelsFolder(): Promise<string> {
  const folder = path.join(directory, 'models');
  await mkdir(folder);
  await cp(path.join(directory, 'mirror/manifest.json'), path.join(folder, 'manifest.json'));
  return folder;
}

describe('the command models', () => {
  it('downloads a pack, and reports it as installed the second time', async () => {
    const folder = await makeModelsFolder();
    const args = ['--pack', 'tiny', '--dir', folder, '--mirror', path.join(directory, 'mirror')];

    const first = await startModels(args).done;
    const second = await startModels(args).done;

    expect(first).toMatchObject({ code: 0 });
    expect(first.text).toContain('drawn_face_detector.onnx: fetched from');
    expect(second.code).toBe(0);
    expect(second.text.match(/already installed/g)).toHaveLength(2);
    expect(await readdir(folder)).toHaveLength(3);
  });

  it('reads its options from the environment, too', async () => {
    const folder = await makeModelsFolder();

    const { code } = await startModels([], {
      MODEL_PACK: 'tiny',
      MODELS_DIR: folder,
      MODELS_MIRROR: path.join(directory, 'mirror'),
    }).done;

    expect(code).toBe(0);
    expect(await readdir(folder)).toHaveLength(3);
  });

  it('copies the manifest into another models folder', async () => {
    await startModels(['--pack', 'none', '--dir', path.join(directory, 'new')]).done;

    const manifest = await readFile(path.join(directory, 'new/manifest.json'), 'utf8');
    expect(JSON.parse(manifest).packs).toHaveProperty('mobilefacenet');
  });

  it('fails if a file cannot be downloaded', async () => {
    const folder = await makeModelsFolder();

    const { code, text } = await startModels(['--pack', 'tiny', '--dir', folder]).done;

    expect(code).toBe(1);
    expect(text).toContain('Cannot get the model file drawn_face_detector.onnx.');
  });

  it('names the known packs', async () => {
    const { code, text } = await startModels(['--pack', 'none', '--dir', await makeModelsFolder()]).done;

    expect(code).toBe(1);
    expect(text).toContain('There is no model pack "none"');
    expect(text).toMatch(/MODEL_PACK: tiny\./);
  });

  it('lists the packs with their properties and whether they are installed', async () => {
    const folder = path.join(directory, 'empty');
    const { code, text } = await startModels(['--list', '--dir', folder]).done;

    expect(code).toBe(0);
    const rows = text.trim().split('\n');
    expect(rows[0]).toMatch(/^pack +size +dimensions +licence +LFW +TAR at 1e-5 +ms +state$/);
    expect(rows).toContainEqual(
      expect.stringMatching(/^mobilefacenet +5 MB +512 +MIT +99\.5 % +91\.9 % +[\d.]+ +not installed$/),
    );
    expect(text).toMatch(/arcface-r50 +175 MB .*non-commercial.* +not run +not run +not run +not installed/);
  });

  it('lists a pack as installed if its files exist', async () => {
    const folder = await makeModelsFolder();
    await startModels(['--pack', 'tiny', '--dir', folder, '--mirror', path.join(directory, 'mirror')]).done;

    const { text } = await startModels(['--list', '--dir', folder]).done;

    expect(text).toMatch(/^tiny .* installed$/m);
    expect(text).not.toContain('not installed');
  });

  it('says that a pack is for non-commercial use only', async () => {
    const folder = await makeModelsFolder();
    const file = path.join(folder, 'manifest.json');
    const { packs } = JSON.parse(await readFile(file, 'utf8'));
    packs.tiny.embedder.nonCommercial = true;
    await writeFile(file, JSON.stringify({ packs }));

    const { text } = await startModels([
      '--pack',
      'tiny',
      '--dir',
      folder,
      '--mirror',
      path.join(directory, 'mirror'),
    ]).done;

    expect(text).toContain('forbids commercial use');
  });

  it('prints its help', async () => {
    const { code, text } = await startModels(['--help']).done;

    expect(code).toBe(0);
    expect(text).toContain('MODELS_MIRROR');
  });

  it('rejects an unknown option', async () => {
    const { code, text } = await startModels(['--packs', 'tiny']).done;

    expect(code).toBe(2);
    expect(text).toContain("Unknown option '--packs'");
  });

  it('stops at an interrupt and keeps the downloaded part', async () => {
    const folder = await makeModelsFolder();
    const file = await readFile(path.join(directory, 'mirror/drawn_face_detector.onnx'));
    const server = await startFileServer(file, { kind: 'stall', afterBytes: 10_000 });
    const models = startModels(['--pack', 'tiny', '--dir', folder, '--mirror', server.url]);
    await expect.poll(() => readdir(folder), { timeout: 20_000 }).toContain('drawn_face_detector.onnx.part');

    models.command.kill('SIGINT');
    const { code, text } = await models.done;
    await server.stop();

    expect(code).toBe(130);
    expect(text).toContain('Run it again to resume');
    expect(await readdir(folder)).toContain('drawn_face_detector.onnx.part');
  });
});
