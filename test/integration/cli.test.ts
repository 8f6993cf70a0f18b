import { execFile } from 'node:child_process';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { promisify } from 'node:util';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { createTestbed, drawPerson, STAGE, type Testbed } from '../support/testbed.js';

const CLI = path.resolve(import.meta.dirname, '../../dist/cli.js');

let bed: Testbed;
let directory: string;
let selfie: string;
beforeEach(async () => {
  bed = await createTestbed();
  directory = await mkdtemp(path.join(tmpdir(), 'cli-'));
  selfie = path.join(directory, 'selfie.png');
  await writeFile(selfie, await drawPerson(2));
});
afterEach(async () => {
  await bed.close();
  await rm(directory, { recursive: true });
});

interface Ended {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

/** Runs the command line as a person does, in a folder without .env, and where no browser can be opened. */
async function run(args: string[], environment: Record<string, string> = {}): Promise<Ended> {
  try {
    // The search path has no program that opens a browser; without one, the system's own would be used.
    const env = { ...bed.environment, PATH: directory, TMPDIR: directory, ...environment };
    const { stdout, stderr } = await promisify(execFile)(process.execPath, [CLI, ...args], {
      cwd: directory,
      env,
    });
    return { code: 0, stdout, stderr };
  } catch (error) {
    return error as Ended;
  }
}

describe('the command line', () => {
  it('indexes a stage, searches it, shows the fleet, and forgets', { timeout: 120_000 }, async () => {
    await bed.supervisor();
    await bed.recorded('host_cpu0', ({ status }) => status === 'online');

    const first = await run(['index', 'Day-1']);
    expect(first).toMatchObject({ code: 0, stdout: expect.stringContaining('Day-1: 6 photos with 6 faces') });
    expect(first.stdout).toContain('6 indexed now');
    expect((await run(['index', path.join(bed.environment['GALLERY_DIR'] ?? '', 'Day-1')])).stdout).toContain(
      '0 indexed now',
    );

    const found = await run(['search', selfie, '--stage', STAGE]);
    expect(found.stdout).toMatch(/#\s+photo\s+score\n1\s+Day-1\/Morning\/p2\.png\s+\d\.\d{3}\n1 photos in/);
    const json = await run(['search', selfie, selfie, '--stage', STAGE, '--json', '--threshold', '0.5']);
    expect(JSON.parse(json.stdout)).toEqual([
      {
        id: `${STAGE}/p2.png`,
        score: expect.any(Number),
        box: expect.objectContaining({ x: expect.any(Number) }),
      },
    ]);

    const status = await run(['status']);
    expect(status.stdout).toMatch(/host_cpu0\s+online\s+CPU\s+cpu/);
    expect(status.stdout).toMatch(/face-index\s+0\s+0\s+0\s+0\s+0/);

    expect((await run(['forget', `${STAGE}/p2.png`, '--yes'])).stdout).toContain(
      'the faces of 1 photos in 0 folders',
    );
    expect((await run(['forget', 'Day-1', '--yes'])).stdout).toContain('the faces of 5 photos in 1 folders');
    expect(await bed.redis.keys('face-index:*')).toEqual([]);
    expect((await run(['index', 'Day-1'])).stdout).toContain('6 indexed now');
    expect((await run(['forget', 'all', '--yes'])).stdout).toContain('the faces of 6 photos in 1 folders');
    expect(await bed.redis.keys('face-index:*')).toEqual([]);
  });

  it('writes a page with the photos of a result, once a worker has come that it waits for', async () => {
    const searching = run(['search', selfie, '--stage', STAGE, '--open']);
    await vi.waitFor(async () => expect(await bed.queue.getWaitingCount()).toBe(1), { timeout: 30_000 });
    await bed.supervisor();
    const { code, stderr } = await searching;
    expect(code).toBe(0);
    expect(stderr).toContain('No worker is online; waiting for one.');
    const page = /\S+matches\.html/.exec(stderr)?.[0] ?? 'none';
    expect(await readFile(page, 'utf8')).toContain(`${STAGE}/p2.png`);
    expect(stderr).toContain('No browser could be opened here');
  });

  it.each([
    ['no command', []],
    ['an unknown command', ['find']],
    ['an unknown option', ['status', '--loud']],
    ['no stage', ['index']],
    ['no selfie', ['search', '--stage', STAGE]],
    ['a threshold that is no number', ['search', 'SELFIE', '--stage', STAGE, '--threshold', 'high']],
    ['nobody to ask', ['forget', 'all']],
  ])('says how it is used, for %s', async (_, args) => {
    const { code, stdout, stderr } = await run(args.map((arg) => (arg === 'SELFIE' ? selfie : arg)));
    expect(code).toBe(2);
    expect(stdout + stderr).toContain('Usage: face-search <command>');
  });

  it('says in one sentence what is wrong', async () => {
    const away = await run(['status'], { REDIS_PORT: '1' });
    expect(away).toMatchObject({
      code: 1,
      stderr: expect.stringMatching(/^Redis at 127\.0\.0\.1:1 .*ECONNREFUSED.*\n$/),
    });
    const wrong = await run(['status'], { REDIS_PORT: 'many' });
    expect(wrong).toMatchObject({ code: 78, stderr: expect.stringContaining('REDIS_PORT must be') });
    await bed.supervisor();
    const noStage = await run(['search', selfie, '--stage', 'Nowhere']);
    expect(noStage).toMatchObject({ code: 1, stderr: expect.stringContaining('GALLERY_NOT_FOUND') });
  });
});
