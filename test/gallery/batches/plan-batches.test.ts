import { describe, expect, test } from 'vitest';
import type { IndexBatch } from '../../../src/shared/index-batch.js';
import { batchId, planBatches } from '../../../src/gallery/batches/plan-batches.js';

const fileOf = (name: string) => ({ name, sizeBytes: 1000, changedMs: 1 });
const files = Array.from({ length: 2000 }, (_, i) => fileOf(`IMG_${String(i).padStart(4, '0')}.jpg`));

const idOf = (batch: IndexBatch): string => batchId({ pack: 'pack', ...batch });

describe('planBatches', () => {
  test('cuts all photos, in their order, into batches of about 32 and never more than 128', () => {
    const batches = planBatches('Day-1', files);
    expect(batches.flatMap((batch) => batch.files)).toEqual(files);
    expect(batches.every(({ folder }) => folder === 'Day-1')).toBe(true);
    expect(Math.max(...batches.map((batch) => batch.files.length))).toBeLessThanOrEqual(128);
    expect(batches.length).toBeGreaterThan(2000 / 64);
    expect(batches.length).toBeLessThan(2000 / 16);
  });

  test('an added photo changes only one batch', () => {
    const before = new Set(planBatches('Day-1', files).map(idOf));
    const more = files.toSpliced(700, 0, fileOf('IMG_0699b.jpg'));
    const others = planBatches('Day-1', more).filter((batch) => !before.has(idOf(batch)));
    expect(others.length).toBeLessThanOrEqual(2);
    expect(others.some((batch) => batch.files.some(({ name }) => name === 'IMG_0699b.jpg'))).toBe(true);
  });

  test('the photos that are left after a batch are cut like before', () => {
    const [first, ...rest] = planBatches('Day-1', files);
    const left = files.slice(first?.files.length);
    expect(planBatches('Day-1', left)).toEqual(rest);
  });

  test('no photos are no batches', () => {
    expect(planBatches('Day-1', [])).toEqual([]);
  });
});

test('a batch of other photos, in another folder, for another model pack, or of a photo that has changed has another id', () => {
  const batch = { pack: 'pack', folder: 'a', files: [fileOf('x.jpg')] };
  const others = [
    { ...batch, pack: 'other' },
    { ...batch, folder: 'b', files: [fileOf('x.jpg')] },
    { ...batch, files: [fileOf('y.jpg')] },
    { ...batch, files: [{ ...fileOf('x.jpg'), changedMs: 2 }] },
    { ...batch, files: [{ ...fileOf('x.jpg'), sizeBytes: 2 }] },
  ];
  const ids = [batch, ...others].map(batchId);
  expect(new Set(ids).size).toBe(6);
  expect(batchId({ pack: 'pack', folder: 'a', files: [fileOf('x.jpg')] })).toBe(ids[0]);
  // BullMQ takes colons for its own.
  expect(ids.every((id) => /^index-[\w-]{22}$/.test(id))).toBe(true);
});
