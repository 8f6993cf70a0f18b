import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import { choosePairs, judge } from '../../../scripts/bench/peer-quality.mjs';

const minusDistance = (a: ArrayLike<number>, b: ArrayLike<number>): number =>
  -Math.abs(Number(a[0]) - Number(b[0]));

test('a pair counts if it is more alike than all pairs of different people', () => {
  const faces = [
    { person: 'a', embedding: [0] },
    { person: 'a', embedding: [1] },
    { person: 'b', embedding: [10] },
    { person: 'b', embedding: [30] },
  ];
  expect(judge(faces, minusDistance)).toEqual({ aboveAll: 0.5, aboveMost: null });
});

test('a pair is missed if one of its photos has no face', () => {
  const faces = [
    { person: 'a', embedding: [0] },
    { person: 'a', embedding: undefined },
    { person: 'b', embedding: undefined },
  ];
  expect(judge(faces, minusDistance).aboveAll).toBe(0);
});

test('the share of pairs above 99.9 % of the others needs ten thousand of them', () => {
  const faces = Array.from({ length: 200 }, (_, i) => ({
    person: String(Math.floor(i / 2)),
    embedding: [10 * Math.floor(i / 2) + (i % 2)],
  }));
  expect(judge(faces, minusDistance).aboveMost).toBe(1);
});

test('two photos are chosen of people who have two', async () => {
  const folder = await mkdtemp(path.join(tmpdir(), 'pairs-'));
  onTestFinished(() => rm(folder, { recursive: true }));
  for (const [person, count] of Object.entries({ Ann: 1, Bo: 3, Cy: 2 })) {
    await mkdir(path.join(folder, person));
    for (let i = 1; i <= count; i += 1)
      await writeFile(path.join(folder, person, `${person}_000${i}.jpg`), '');
  }
  const pairs = await choosePairs(folder, 2);
  expect(pairs.map(({ person, file }) => [person, path.basename(file)])).toEqual([
    ['Bo', 'Bo_0001.jpg'],
    ['Bo', 'Bo_0002.jpg'],
    ['Cy', 'Cy_0001.jpg'],
    ['Cy', 'Cy_0002.jpg'],
  ]);
  await expect(choosePairs(folder, 3)).rejects.toThrow('Only 2 people');
});
