import { execFile } from 'node:child_process';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { promisify } from 'node:util';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { createTestbed, drawPerson, STAGE, type Testbed } from '../support/testbed.js';
import { workerRecord } from '../support/worker-record.js';

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
  it('indexes a stage, searches it, shows the fleet, and deletes faces', { timeout: 120_000 }, async () => {
    await bed.supervisor();
    await bed.recorded('host_cpu0', ({ status }) => status === 'online');

    const first = await run(['index', 'Day-1']);
    expect(first).toMatchObject({ code: 0, stdout: expect.stringContaining('Day-1: 6 photos with 6 faces') });
    expect(first.stdout).toContain('6 indexed now');
    expect((await run(['index', path.join(bed.environment['GALLERY_DIR'] ?? '', 'Day-1')])).stdout).toContain(
      '0 indexed now',
    );

    const found = await run(['search', selfie, '--stage', STAGE]);
    expect(found.stdout).toMatch(/#\s+photo\s+score\n1\s+Day-1\/Morning\/p2\.png\s+\d\.\d{3}\n1 photo in/);
    const json = await run(['search', selfie, selfie, '--stage', STAGE, '--json', '--threshold', '0.5']);
    expect(JSON.parse(json.stdout)).toEqual([
      {
        id: `${STAGE}/p2.png`,
        score: expect.any(Number),
        similarity: expect.any(Number),
        box: expect.objectContaining({ x: expect.any(Number) }),
      },
    ]);

    const status = await run(['status']);
    expect(status.stdout).toMatch(/host_cpu0\s+online\s+CPU\s+cpu/);
    expect(status.stdout).toMatch(/face-index\s+running\s+0\s+0\s+0\s+0/);

    const counted = await run(['forget', 'Day-1', '--dry-run']);
    expect(counted.stdout).toBe('Would delete the faces of 6 photos in 1 folder. Nothing was deleted.\n');
    expect(await run(['forget', 'Day-9', '--yes'])).toMatchObject({ code: 1, stdout: '' });
    expect((await run(['forget', `${STAGE}/p2.png`, '--yes'])).stdout).toContain('the faces of 1 photo.');
    expect((await run(['forget', 'Day-1', '--yes'])).stdout).toContain('the faces of 5 photos in 1 folder.');
    expect(await bed.redis.keys('face-index:*')).toEqual([]);
    expect((await run(['index', 'Day-1'])).stdout).toContain('6 indexed now');
    expect((await run(['forget', 'all', '--yes'])).stdout).toContain('the faces of 6 photos in 1 folder.');
    expect(await bed.redis.keys('face-index:*')).toEqual([]);
  });

  it('waits for a worker, and writes a page with the photos of a result', async () => {
    const searching = run(['search', selfie, '--stage', STAGE, '--open']);
    await vi.waitFor(async () => expect(await bed.queue.getWaitingCount()).toBe(1), { timeout: 30_000 });
    await bed.supervisor();
    const { code, stderr } = await searching;
    expect(code).toBe(0);
    expect(stderr).toContain('No worker is online; waiting for one.');
    const page = /\S+matches\.html/.exec(stderr)?.[0] ?? 'none';
    expect(await readFile(page, 'utf8')).toContain(`${STAGE}/p2.png`);
    expect(stderr).toContain('Could not open a browser here');
  });

  it.each([
    ['no command', []],
    ['an unknown command', ['find']],
    ['an unknown option', ['status', '--loud']],
    ['no stage', ['index']],
    ['no selfie', ['search', '--stage', STAGE]],
    ['a threshold that is no number', ['search', 'SELFIE', '--stage', STAGE, '--threshold', 'high']],
    ['a negative limit', ['search', 'SELFIE', '--stage', STAGE, '--limit', '-1']],
    ['a threshold above 1', ['search', 'SELFIE', '--stage', STAGE, '--threshold', '2']],
    ['an empty stage', ['search', 'SELFIE', '--stage', ' ']],
    ['no terminal to ask for confirmation', ['forget', 'all']],
  ])('says what is wrong and where to find help, for %s', async (_, args) => {
    const { code, stdout, stderr } = await run(args.map((arg) => (arg === 'SELFIE' ? selfie : arg)));
    expect(code).toBe(2);
    expect(stdout).toBe('');
    expect(stderr).toMatch(
      /^error: .+\n(\(Did you mean .+\)\n)?Run "face-search( \w+)? --help" for help\.\n$|^Usage: /,
    );
  });

  it('says what is wrong in one sentence', async () => {
    const away = await run(['status'], { REDIS_PORT: '1' });
    expect(away).toMatchObject({
      code: 1,
      stderr: expect.stringMatching(/^Cannot use Redis at 127\.0\.0\.1:1: .*ECONNREFUSED.*\n$/),
    });
    const wrong = await run(['status'], { REDIS_PORT: 'many' });
    expect(wrong).toMatchObject({ code: 78, stderr: expect.stringContaining('REDIS_PORT must be') });
    await bed.supervisor();
    const noStage = await run(['search', selfie, '--stage', 'Nowhere']);
    expect(noStage).toMatchObject({ code: 1, stderr: expect.stringContaining('GALLERY_NOT_FOUND') });
  });
});

describe('the command line without a worker', () => {
  it('prints help for each command, and the version', async () => {
    for (const command of ['index', 'search', 'status', 'forget']) {
      const { code, stdout } = await run([command, '-h']);
      expect(code).toBe(0);
      expect(stdout).toContain(`Usage: face-search ${command}`);
    }
    expect((await run(['--version'])).stdout).toMatch(/^\d+\.\d+\.\d+\n$/);
    expect((await run(['--help'])).stdout).toContain('search [options] <selfie...>');
  });

  it('names the file and the reason, and queues nothing', async () => {
    const empty = path.join(directory, 'empty.jpg');
    await writeFile(empty, '');
    const search = (file: string): Promise<Ended> => run(['search', file, '--stage', STAGE]);
    expect((await search(directory)).stderr).toBe(
      `Cannot read "${directory}": it is a folder. Give a photo of the person.\n`,
    );
    expect((await search('none.jpg')).stderr).toBe('Cannot read "none.jpg": there is no such file.\n');
    expect((await search(empty)).stderr).toBe(`Cannot use "${empty}": the file is empty.\n`);
    const large = await run(['search', selfie, '--stage', STAGE], { MAX_IMAGE_BYTES: '1024' });
    expect(large).toMatchObject({ code: 1, stderr: expect.stringContaining('MAX_IMAGE_BYTES (1024)') });
    const noGallery = await run(['search', selfie, '--stage', STAGE, '--open'], { GALLERY_DIR: '' });
    expect(noGallery).toMatchObject({ code: 2, stderr: expect.stringContaining('--open needs GALLERY_DIR') });
    expect(await bed.queue.getJobCountByTypes()).toBe(0);
  });

  it('adds a search with the fields that the portal reads', async () => {
    const searching = run(['search', selfie, '--stage', `${STAGE}/`]);
    await vi.waitFor(async () => expect(await bed.queue.getWaitingCount()).toBe(1), { timeout: 30_000 });
    const [job] = await bed.queue.getWaiting();
    expect(job).toMatchObject({
      name: 'process-face',
      data: { uid: 'command-line', stage: STAGE, timestamp: expect.any(Number) },
    });
    await bed.takeJob('token');
    await job?.moveToCompleted([], 'token', false);
    expect((await searching).stdout).toMatch(/^0 photos in/);
  });

  it('refuses to delete faces that do not exist', async () => {
    for (const what of ['Day-9', 'ALL', 'Day-1/Morning/none.png']) {
      const { code, stderr } = await run(['forget', what, '--yes']);
      expect({ code, stderr }).toEqual({ code: 1, stderr: expect.stringContaining(`no faces of "${what}"`) });
    }
    const elsewhere = await run(['forget', '/etc', '--yes']);
    expect(elsewhere).toMatchObject({ code: 2, stderr: expect.stringContaining('is not below GALLERY_DIR') });
  });

  it('shows a paused queue with the jobs that wait in it, also as JSON', async () => {
    await bed.queue.pause();
    await bed.add({ image: 'x', stage: STAGE });
    expect((await run(['status'])).stdout).toMatch(/face-search\s+paused\s+1\s+0\s+0\s+0/);
    const { queues } = JSON.parse((await run(['status', '--json'])).stdout) as { queues: object[] };
    expect(queues[0]).toMatchObject({ name: 'face-search', paused: true, waiting: 1 });
  });

  it('shows the model pack of each worker, and warns if they differ', async () => {
    for (const [id, model_pack] of [
      ['a_cpu0', 'mobilefacenet'],
      ['b_cpu0', 'edgeface'],
    ] as const) {
      const now = Date.now() / 1000;
      const record = workerRecord({ id, model_pack, last_heartbeat: now, reported_at: now });
      await bed.redis.hset('workers', id, JSON.stringify(record));
    }
    const { stdout } = await run(['status']);
    expect(stdout).toMatch(/a_cpu0 .* mobilefacenet /);
    expect(stdout).toMatch(/b_cpu0 .* edgeface /);
    expect(stdout).toContain(
      'Warning: the workers run different model packs, so scores differ: mobilefacenet (1 worker), edgeface (1 worker).',
    );
  });

  it.each([
    [0, ['online', 'failed']],
    [0, ['paused']],
    [0, ['draining']],
    [1, ['starting']],
    [1, ['restarting', 'starting']],
    [1, ['stalled', 'lost', 'failed', 'offline']],
    [1, []],
  ] as const)('exits with %i from the health check of a machine whose workers are %j', async (code, all) => {
    const elsewhere = workerRecord({ id: 'other_gpu0', hostname: 'other' });
    await bed.redis.hset('workers', elsewhere.id, JSON.stringify(elsewhere));
    for (const [i, status] of all.entries()) {
      const record = workerRecord({ id: `host_gpu${i}`, status });
      await bed.redis.hset('workers', record.id, JSON.stringify(record));
    }
    const checked = await run(['status', '--check'], { WORKER_HOSTNAME: 'host' });
    expect(checked.code).toBe(code);
    const lines = all.map((status, i) => `host_gpu${i} is ${status}\n`).join('');
    expect(code === 0 ? checked.stdout : checked.stderr).toContain(lines);
    expect(code === 0 ? checked.stderr : checked.stdout).toBe('');
  });

  it('passes no terminal escapes of names on, and skips records that it cannot read', async () => {
    const record = workerRecord({
      hostname: 'evil',
      id: 'evil\u001B]0;title\u0007\u009B2J',
      status_reason: 'a\u001B[2Jb',
    });
    await bed.redis.hset('workers', record.id, JSON.stringify(record), 'bad', '{', 'null', 'null');
    for (const args of [['status'], ['status', '--json']]) {
      const { code, stdout } = await run(args);
      expect(code).toBe(0);
      expect(stdout).toContain('evil');
      // oxlint-disable-next-line no-control-regex -- what must not be there
      expect(stdout).not.toMatch(/[\u0000-\u0009\u000B-\u001F\u007F-\u009F]/);
    }
    const missing = await run(['search', 'no\u001B[2J.jpg', '--stage', STAGE]);
    expect(missing.stderr).toBe('Cannot read "no\\x1b[2J.jpg": there is no such file.\n');
  });
});
