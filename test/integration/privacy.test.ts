import { execFile } from 'node:child_process';
import { existsSync } from 'node:fs';
import { copyFile, mkdir, mkdtemp, readdir, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { drawScene } from '../../scripts/tiny/scene.mjs';
import { createTestbed, drawPerson, selfieOf, STAGE, type Testbed } from '../support/testbed.js';

const CLI = path.resolve(import.meta.dirname, '../../dist/cli.js');
const ANNA = 2;
const BEN = 3;

let bed: Testbed;
let directory: string;
let selfie: string;

beforeAll(async () => {
  bed = await createTestbed();
  directory = await mkdtemp(path.join(tmpdir(), 'privacy-'));
  selfie = path.join(directory, 'selfie.png');
  await writeFile(selfie, await drawPerson(ANNA));
});
afterAll(async () => {
  await bed.close();
  await rm(directory, { recursive: true });
});

interface Ended {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

/** @param more environment of the command */
async function runWith(more: Readonly<Record<string, string>>, ...args: string[]): Promise<Ended> {
  try {
    const env = { ...bed.environment, PATH: directory, ...more };
    const { stdout, stderr } = await promisify(execFile)(process.execPath, [CLI, ...args], {
      cwd: directory,
      env,
    });
    return { code: 0, stdout, stderr };
  } catch (error) {
    return error as Ended;
  }
}

const run = (...args: string[]): Promise<Ended> => runWith({}, ...args);

async function addPhoto(file: string, photo: Buffer): Promise<void> {
  const target = path.join(bed.environment['GALLERY_DIR'] ?? '', file);
  await mkdir(path.dirname(target), { recursive: true });
  await writeFile(target, photo);
}

/** Paths of the photos of a person, as a portal's search finds them. */
async function find(person: number, gallery: object): Promise<string[]> {
  const job = await bed.add({ image: await selfieOf(person), ...gallery });
  const matches = (await job.waitUntilFinished(bed.events, 60_000)) as { id: string }[];
  return matches.map(({ id }) => id).toSorted();
}

const drawBoth = (seed: number): Promise<Buffer> =>
  drawScene({
    widthPx: 640,
    heightPx: 480,
    faces: [
      { person: ANNA, x: 60, y: 150 + seed, sizePx: 160 },
      { person: BEN, x: 400, y: 150, sizePx: 160 },
    ],
  });

/** Everything in Redis that can hold a selfie or an embedding outside of the index and the opt-out list. */
async function leftovers(): Promise<string[]> {
  const keys = await bed.redis.keys('*');
  const text = JSON.stringify(await bed.redis.xrange('bull:face-search:events', '-', '+'));
  const image = (await drawPerson(ANNA)).toString('base64').slice(0, 200);
  return [
    ...keys.filter((key) => key.startsWith('worker:embed')),
    ...(text.includes(image) ? ['events'] : []),
  ];
}

it('explains that a worker must be online', async () => {
  const { code, stderr } = await run('forget', '--person', selfie, '--yes');
  expect({ code, stderr }).toEqual({
    code: 1,
    stderr: expect.stringMatching(
      /^No worker is online, and only a worker can find the face in the selfie\./,
    ),
  });
});

it('deletes one person from all stages and keeps the person out', { timeout: 180_000 }, async () => {
  await addPhoto('Day-2/both.png', await drawBoth(0));
  await bed.supervisor();
  await bed.recorded('host_cpu0', ({ status }) => status === 'online');
  // The child has both galleries in memory.
  expect(await find(ANNA, { stage: 'Day-1' })).toEqual([`${STAGE}/p2.png`]);
  expect(await find(ANNA, { stage: 'Day-2' })).toEqual(['Day-2/both.png']);

  const shown = await run('forget', '--person', selfie, '--dry-run');
  expect(shown.stdout).toMatch(
    /^stage +photo +score\nDay-1\/Morning +p2\.png +\d\.\d{3}\nDay-2 +both\.png +\d\.\d{3}\nWould delete 2 faces of the person in 2 photos of 2 stages, and add the person to the opt-out list\. Nothing was changed\.\n$/,
  );
  expect(await find(ANNA, { stage: 'Day-1' })).toHaveLength(1);

  const deleted = await run('forget', '--person', selfie, '--yes');
  expect(deleted).toMatchObject({
    code: 0,
    stdout: expect.stringContaining('Deleted 2 faces of the person in 2 photos of 2 stages.'),
  });
  expect(await find(ANNA, { stage: 'Day-1' })).toEqual([]);
  expect(await find(ANNA, { stage: 'Day-2' })).toEqual([]);
  expect(await find(BEN, { stage: 'Day-2' })).toEqual(['Day-2/both.png']);
  expect(await leftovers()).toEqual([]);

  // New photos, also those that a job brings.
  await addPhoto('Day-3/both.png', await drawBoth(20));
  expect(await find(BEN, { stage: 'Day-3' })).toEqual(['Day-3/both.png']);
  expect(await find(ANNA, { stage: 'Day-3' })).toEqual([]);
  const inline = { gallery: [{ id: 'x', image: (await drawBoth(40)).toString('base64') }] };
  expect(await find(ANNA, inline)).toEqual([]);
  expect(await find(BEN, inline)).toEqual(['x']);

  const [entry] = JSON.parse((await run('opt-outs', '--json')).stdout) as { id: string; pack: string }[];
  expect(entry).toMatchObject({ id: expect.any(String), pack: expect.stringMatching(/^tiny-/) });
  const id = entry?.id ?? '';
  expect((await run('opt-outs')).stdout).toMatch(new RegExp(`^id +added +model pack\n${id} +20\\S+Z +tiny-`));
  expect((await run('opt-outs')).stderr).toBe('');
  // Another key of the same pack.
  const changed = await runWith({ GALLERY_UPRIGHT: '1' }, 'opt-outs', '--json');
  expect(changed.stderr).toMatch(/^Warning: The opt-out list has 1 entry .* but 0 for tiny-/);
  expect((await runWith({ GALLERY_UPRIGHT: '1', USE_CPU: '1' }, 'doctor')).stdout).toMatch(
    /^warning +opt-outs +The opt-out list has 1 entry/m,
  );
  expect(await run('opt-outs', 'remove', 'none')).toMatchObject({ code: 1, stdout: '' });
  expect((await run('opt-outs', 'remove', id)).stdout).toContain(`Removed ${id}`);
  expect((await run('forget', 'Day-3', '--yes')).code).toBe(0);
  expect(await find(ANNA, { stage: 'Day-3' })).toEqual(['Day-3/both.png']);
});

it('deletes without an opt-out, and says what it cannot search', { timeout: 60_000 }, async () => {
  const only = await run('forget', '--person', selfie, '--yes', '--no-opt-out');
  expect(only.stdout).toMatch(/Deleted \d faces? of the person in \d photos? of 1 stage\.\n$/);
  expect(await run('forget', '--person', selfie, '--yes', '--no-opt-out')).toMatchObject({
    code: 1,
    stderr: expect.stringContaining('No face in the index reaches the score 0.6'),
  });
  await bed.redis.set('face-index:other-12345678:abc', 'x');
  const partly = await run('forget', '--person', selfie, '--yes');
  expect(partly).toMatchObject({
    code: 1,
    stdout: expect.stringContaining('Deleted 0 faces'),
    stderr: expect.stringContaining(
      'Not searched: 1 photo of the model pack other-12345678: no online worker runs it.',
    ),
  });
});

it('says that the selfie shows no face, and leaves nothing behind', { timeout: 60_000 }, async () => {
  const empty = path.join(directory, 'empty.png');
  await writeFile(empty, await drawScene({ widthPx: 300, heightPx: 300, faces: [] }));
  const { code, stderr } = await run('forget', '--person', empty, '--yes');
  expect({ code, stderr }).toEqual({ code: 1, stderr: expect.stringContaining('NO_FACE_DETECTED') });
  expect(await leftovers()).toEqual([]);
});

/** Models and photographs lie beside the checkout, where there are any. */
const shared = path.resolve(import.meta.dirname, '../../../shared');
const people = path.join(shared, 'data/lfw');
const models = path.join(shared, 'models');
const PERSON = 'Tony_Blair';
const SELFIE = 'Tony_Blair_0018.jpg';
const missing = [people, path.join(models, 'fr_feature.onnx')].filter((place) => !existsSync(place));
const reason =
  missing.length === 0
    ? ''
    : ` (skipped: ../shared has no ${missing.map((place) => path.relative(shared, place)).join(', ')})`;

describe.skipIf(missing.length > 0)(`with real models${reason}`, () => {
  it('finds all photos of a person, and nobody else', { timeout: 180_000 }, async () => {
    const others = ['Tiger_Woods', 'David_Beckham', 'Hugo_Chavez'];
    const gallery = path.join(directory, 'gallery');
    for (const name of [PERSON, ...others]) {
      await mkdir(path.join(gallery, 'All', name), { recursive: true });
      const photos = (await readdir(path.join(people, name))).toSorted().filter((file) => file !== SELFIE);
      for (const file of photos.slice(0, 4))
        await copyFile(path.join(people, name, file), path.join(gallery, 'All', name, file));
    }
    const environment = {
      GALLERY_DIR: gallery,
      MODELS_DIR: models,
      MODEL_PACK: 'mobilefacenet',
      QUEUE_NAME: 'real',
    };
    await bed.supervisor({ ...environment, WORKER_HOSTNAME: 'real' });
    await bed.recorded('real_cpu0', ({ status }) => status === 'online');
    expect((await runWith(environment, 'index', 'All')).code).toBe(0);
    const selfieOfPerson = path.join(people, PERSON, SELFIE);
    const deleted = await runWith(environment, 'forget', '--person', selfieOfPerson, '--yes');
    // Alone, the selfie would find three of them.
    expect(deleted.stdout).toContain('4 faces of the person in 4 photos of 1 stage.');
    for (const other of others) expect(deleted.stdout).not.toContain(other);
  });
});
