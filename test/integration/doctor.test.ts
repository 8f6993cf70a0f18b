import { execFile } from 'node:child_process';
import { appendFile, cp, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Check } from '../../src/cli/doctor/check.js';
import { createFakeNvidiaSmi, fakeGpus, type FakeNvidiaSmi } from '../support/fake-nvidia-smi.js';
import { createTestbed, type Testbed } from '../support/testbed.js';

const CLI = path.resolve(import.meta.dirname, '../../dist/cli.js');

let bed: Testbed;
let nvidia: FakeNvidiaSmi;
let directory: string;
beforeAll(async () => {
  [bed, nvidia] = await Promise.all([createTestbed(), createFakeNvidiaSmi()]);
  directory = await mkdtemp(path.join(tmpdir(), 'doctor-'));
});
afterAll(async () => {
  await Promise.all([bed.close(), nvidia.remove()]);
  await rm(directory, { recursive: true });
});

/** In a folder without .env. */
async function doctor(
  environment: Record<string, string>,
  args: string[] = ['--json'],
): Promise<{ code: number; stdout: string }> {
  const env = { PATH: process.env['PATH'], ...bed.environment, DASHBOARD_PORT: 'off', ...environment };
  try {
    const { stdout } = await promisify(execFile)(process.execPath, [CLI, 'doctor', ...args], {
      cwd: directory,
      env,
    });
    return { code: 0, stdout };
  } catch (error) {
    return error as { code: number; stdout: string };
  }
}

function checksIn(stdout: string): readonly Check[] {
  return (JSON.parse(stdout) as { checks: Check[] }).checks;
}

describe('face-search doctor', () => {
  it('finds a machine that is ready, and prints a line for each check', async () => {
    const { code, stdout } = await doctor({ USE_CPU: '1' }, []);
    expect(stdout).toMatch(/^ok +models +tiny in .*SHA-256 is right/m);
    expect(stdout).toMatch(/^ok +device +.* runs on the execution provider cpu/m);
    expect(stdout).toMatch(/^ok +gallery +6 photos in /m);
    expect(stdout).toMatch(/\n0 errors, \d warnings?\n$/);
    expect(code).toBe(0);
  });

  it('finds all errors at once, and exits with 1', async () => {
    const models = path.join(directory, 'models');
    await cp(bed.environment['MODELS_DIR'] ?? '', models, { recursive: true });
    await appendFile(path.join(models, 'drawn_face_embedder.onnx'), 'x');
    const { code, stdout } = await doctor({
      REDIS_PORT: '1',
      MODELS_DIR: models,
      GALLERY_DIR: path.join(directory, 'none'),
      GPU_INDEX: '7',
    });
    expect(code).toBe(1);
    const errors = checksIn(stdout).filter(({ level }) => level === 'error');
    expect(errors.map(({ topic }) => topic)).toEqual(['Redis', 'models', 'device', 'gallery']);
    expect(errors.map(({ sentence }) => sentence).join('\n')).toContain('GPU_INDEX names GPU 7');
  });

  it('names wrong settings', async () => {
    const { code, stdout } = await doctor({ REDIS_PORT: 'many', MATCH_LIMIT: '-1' });
    expect(code).toBe(1);
    const wrong = checksIn(stdout).filter(({ topic }) => topic === 'settings');
    expect(wrong).toMatchObject([
      { level: 'error', sentence: expect.stringContaining('REDIS_PORT must be') },
      { level: 'error', sentence: expect.stringContaining('MATCH_LIMIT must be') },
    ]);
  });

  it('says why a GPU works on the CPU', async () => {
    await nvidia.answer(await fakeGpus(1));
    const { code, stdout } = await doctor({ PATH: nvidia.path });
    expect(code).toBe(0);
    expect(checksIn(stdout).filter(({ topic }) => topic === 'device')).toMatchObject([
      { level: 'ok', sentence: expect.stringMatching(/^GPU 0 \(.+\) runs on the execution provider cpu/) },
      {
        level: 'warning',
        sentence: expect.stringMatching(/cuda does not work, so cpu is used: .*Install it with/),
      },
    ]);
  });

  it('is an error if the configured provider does not load', async () => {
    const { code, stdout } = await doctor({ USE_CPU: '1', EXECUTION_PROVIDER: 'cuda' });
    expect(code).toBe(1);
    expect(checksIn(stdout).find(({ topic }) => topic === 'device')).toMatchObject({ level: 'error' });
  });

  it('warns that nvidia-smi fails', async () => {
    await nvidia.answer('Failed to initialize NVML: Driver/library version mismatch', 18);
    const { code, stdout } = await doctor({ PATH: nvidia.path });
    expect(code).toBe(0);
    expect(checksIn(stdout).filter(({ topic }) => topic === 'device')).toMatchObject([
      { level: 'warning', sentence: expect.stringContaining('Failed to initialize NVML') },
      { level: 'ok' },
    ]);
  });
});
