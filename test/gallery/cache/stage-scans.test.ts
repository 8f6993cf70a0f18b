import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { createStageScans, type StageScans } from '../../../src/gallery/cache/stage-scans.js';
import { JobError } from '../../../src/shared/errors.js';
import type { FileStamp } from '../../../src/gallery/store/file-table.js';

let scans: StageScans;
/** Stages that were listed. */
let listed: string[];
/** Names of the files by folder. */
let folders: Map<string, string[]>;
let scanTakesMs: number;

beforeEach(() => {
  vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout', 'performance'] });
  listed = [];
  folders = new Map([
    ['day/morning', ['1.jpg']],
    ['day/evening', ['2.jpg']],
  ]);
  scanTakesMs = 10;
  scans = createStageScans({
    now: () => performance.now(),
    inBackground: true,
    source: {
      listingIntervalMs: 1000,
      list: async (stage) => {
        listed.push(stage);
        await new Promise((resolve) => {
          setTimeout(resolve, scanTakesMs);
        });
        const found = [...folders].filter(([folder]) => folder.startsWith(stage));
        if (found.length === 0) throw new JobError('GALLERY_NOT_FOUND', 'There is no such folder.');
        return found.map(([folder, names]) => ({ folder, files: names.map(fileOf) }));
      },
    },
  });
});
afterEach(() => {
  scans.stop();
  vi.useRealTimers();
});

const fileOf = (name: string): FileStamp => ({ name, sizeBytes: 1, changedMs: 1 });

/** Whether the promise settles without any time passing. */
async function settlesAtOnce(promise: Promise<unknown>): Promise<boolean> {
  let settled = false;
  promise.then(
    () => (settled = true),
    () => (settled = true),
  );
  await vi.advanceTimersByTimeAsync(0);
  return settled;
}

test('only the first search of a stage waits for a scan', async () => {
  const first = scans.last('day');
  expect(await settlesAtOnce(first)).toBe(false);
  await vi.advanceTimersByTimeAsync(scanTakesMs);
  expect((await first).folders).toEqual(['day/morning', 'day/evening']);
  for (let minute = 0; minute < 9; minute += 1) {
    await vi.advanceTimersByTimeAsync(60_000);
    expect(await settlesAtOnce(scans.last('day'))).toBe(true);
  }
});

test('a new photo is seen by a scan in the background', async () => {
  void scans.last('day');
  await vi.advanceTimersByTimeAsync(scanTakesMs);
  folders.set('day/morning', ['1.jpg', '3.jpg']);
  await vi.advanceTimersByTimeAsync(1000 + scanTakesMs);
  expect(listed).toEqual(['day', 'day']);
  expect(scans.filesIn('day/morning')).toHaveLength(2);
});

test('slow scans take at most a twentieth of the time', async () => {
  scanTakesMs = 2000;
  void scans.last('day');
  await vi.advanceTimersByTimeAsync(2000 + 39_999);
  expect(listed).toHaveLength(1);
  expect(await settlesAtOnce(scans.last('day'))).toBe(true);
  await vi.advanceTimersByTimeAsync(1);
  expect(listed).toHaveLength(2);
});

test('a stage that is not searched for ten minutes is not scanned any more, and its next search waits', async () => {
  void scans.last('day');
  await vi.advanceTimersByTimeAsync(650_000);
  const { length } = listed;
  await vi.advanceTimersByTimeAsync(600_000);
  expect(listed).toHaveLength(length);
  expect(scans.filesIn('day/morning')).toEqual([]);
  expect(await settlesAtOnce(scans.last('day'))).toBe(false);
});

test('concurrent searches share a scan, and a renewed one starts after them', async () => {
  void scans.last('day');
  void scans.last('day');
  const renewed = scans.renew('day');
  await vi.advanceTimersByTimeAsync(2 * scanTakesMs);
  await renewed;
  expect(listed).toEqual(['day', 'day']);
});

test('scans of several stages run one after another', async () => {
  void scans.last('day/morning');
  void scans.last('day/evening');
  await vi.advanceTimersByTimeAsync(0);
  expect(listed).toEqual(['day/morning']);
  await vi.advanceTimersByTimeAsync(scanTakesMs);
  expect(listed).toEqual(['day/morning', 'day/evening']);
});

test('the files of a folder are the same array until one changes, in whatever stage it was scanned', async () => {
  void scans.last('day');
  await vi.advanceTimersByTimeAsync(scanTakesMs);
  const before = scans.filesIn('day/morning');
  void scans.last('day/morning');
  await vi.advanceTimersByTimeAsync(scanTakesMs);
  expect(scans.filesIn('day/morning')).toBe(before);
});

test('a stage that cannot be scanned any more fails the next search, and is found again later', async () => {
  void scans.last('day');
  await vi.advanceTimersByTimeAsync(scanTakesMs);
  const before = new Map(folders);
  folders.clear();
  await vi.advanceTimersByTimeAsync(1000 + scanTakesMs);
  const failing = scans.last('day').catch((error: unknown) => error);
  await vi.advanceTimersByTimeAsync(scanTakesMs);
  expect(await failing).toMatchObject({ code: 'GALLERY_NOT_FOUND' });
  for (const [folder, names] of before) folders.set(folder, names);
  const found = scans.last('day');
  await vi.advanceTimersByTimeAsync(scanTakesMs);
  expect((await found).folders).toHaveLength(2);
});
