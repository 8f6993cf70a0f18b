import { expect, it } from 'vitest';
import { remember } from '../../../src/dashboard/galleries/share-scan.js';

it('reads once for all who ask, until it is told to forget', async () => {
  let readings = 0;
  const { get, forget } = remember(60_000, async () => (readings += 1));
  expect(await Promise.all([get(), get()])).toEqual([1, 1]);
  expect(await get()).toBe(1);
  forget();
  expect(await get()).toBe(2);
});

it('reads again when what it knows is old', async () => {
  let readings = 0;
  const { get } = remember(0, async () => (readings += 1));
  expect([await get(), await get()]).toEqual([1, 2]);
});

it('does not keep a failure', async () => {
  let readings = 0;
  const { get } = remember(60_000, async () => {
    readings += 1;
    if (readings === 1) throw new Error('The share is not mounted');
    return readings;
  });
  await expect(get()).rejects.toThrow('not mounted');
  expect(await get()).toBe(2);
});

it('starts no second reading while one takes longer than a value stays fresh', async () => {
  let finish!: (value: number) => void;
  const reading = new Promise<number>((resolve) => {
    finish = resolve;
  });
  let readings = 0;
  const { get } = remember(0, () => {
    readings += 1;
    return reading;
  });
  const first = get();
  await new Promise(setImmediate);
  const second = get();
  finish(1);
  expect(await Promise.all([first, second])).toEqual([1, 1]);
  expect(readings).toBe(1);
});
