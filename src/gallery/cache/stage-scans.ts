import { setImmediate } from 'node:timers/promises';
import type { PhotoSource } from '../source/photo-source.js';
import { type FileStamp, isSameFile } from '../store/file-table.js';

/** A search uses the last scan of its stage if it is not older than this ... */
const MAX_AGE_MS = 10_000;
/**
 * A scan is repeated in the background after the source's interval, or after this many times its own duration, so that scans take at
 * most 5 % of the time on a slow file system.
 */
const INTERVAL_DURATIONS = 20;
/** ... or than this many intervals. */
const MAX_AGE_INTERVALS = 2;
/** A stage that was not searched for this long is not scanned in the background. */
const IDLE_MS = 600_000;
/** Files that are compared before other work of the thread gets a turn: about a millisecond. */
const FILES_PER_TURN = 5000;

/** What a scan of a stage found. */
export interface StageScan {
  /** Folders with photos, in a stable order. */
  readonly folders: readonly string[];
  /** One line for each kind of file and for each folder that cannot be read. */
  readonly unreadable: readonly string[];
  /** One line for each kind of file that holds no photos of people. */
  readonly ignored: readonly string[];
}

/**
 * Lists the folders of stages. Only the first search of a stage waits for a scan; later scans run in the background, one
 * at a time.
 */
export interface StageScans {
  /**
   * The last scan, if it is fresh enough. Otherwise waits for a new one.
   *
   * @throws {JobError} `GALLERY_NOT_FOUND`
   * @throws {GalleryUnavailableError} the photos cannot be read
   */
  last(stage: string): Promise<StageScan>;
  /** Waits for a scan that starts after the call. */
  renew(stage: string): Promise<StageScan>;
  /** A folder's files as the newest scan of any stage shows them. The same array means the same files. */
  filesIn(folder: string): readonly FileStamp[];
  stop(): void;
}

export interface StageScansOptions {
  readonly source: Pick<PhotoSource, 'list' | 'listingIntervalMs'>;
  readonly now: () => number;
  /** Without it, a stage is scanned only for a caller. */
  readonly inBackground: boolean;
}

/**
 *   (no entry) ──last──▶ first scan ──▶ scanned ──interval──▶ scanned …
 *        ▲────────────scan fails, idle──────┘
 */
interface ScannedStage {
  readonly scan: StageScan;
  readonly startedMs: number;
  readonly durationMs: number;
}

export function createStageScans({ source, now, inBackground }: StageScansOptions): StageScans {
  const scanned = new Map<string, ScannedStage>();
  /** Scans that wait or run, by stage. */
  const running = new Map<string, Promise<StageScan>>();
  const usedMs = new Map<string, number>();
  const timers = new Map<string, NodeJS.Timeout>();
  const files = new Map<string, readonly FileStamp[]>();
  let turn: Promise<unknown> = Promise.resolve();
  let stopped = false;

  const scanNow = async (stage: string): Promise<StageScan> => {
    const startedMs = now();
    const unreadable: string[] = [];
    const ignored: string[] = [];
    const listed = await source.list(stage, (line, isPhoto) => (isPhoto ? unreadable : ignored).push(line));
    const durationMs = now() - startedMs;
    for (const { folder, files: found } of listed) {
      const before = files.get(folder);
      if (before === undefined || !(await areSame(before, found))) files.set(folder, found);
    }
    const scan = { folders: listed.map(({ folder }) => folder), unreadable, ignored };
    const present = new Set(scan.folders);
    const gone = scanned.get(stage)?.scan.folders.filter((folder) => !present.has(folder)) ?? [];
    scanned.set(stage, { scan, startedMs, durationMs });
    for (const folder of gone) forgetFiles(folder);
    return scan;
  };

  const forgetFiles = (folder: string): void => {
    const isInUse = [...scanned.values()].some(({ scan }) => scan.folders.includes(folder));
    if (!isInUse) files.delete(folder);
  };

  const dropStage = (stage: string): void => {
    const dropped = scanned.get(stage);
    scanned.delete(stage);
    usedMs.delete(stage);
    for (const folder of dropped?.scan.folders ?? []) forgetFiles(folder);
  };

  const start = (stage: string): Promise<StageScan> => {
    clearTimeout(timers.get(stage));
    const scan = turn.then(() => scanNow(stage));
    turn = scan.catch(() => dropStage(stage));
    const settled = scan.finally(() => {
      if (running.get(stage) === settled) running.delete(stage);
      schedule(stage);
    });
    running.set(stage, settled);
    return settled;
  };

  const schedule = (stage: string): void => {
    const last = scanned.get(stage);
    if (stopped || !inBackground || last === undefined) return;
    if (now() - (usedMs.get(stage) ?? 0) > IDLE_MS) {
      dropStage(stage);
      return;
    }
    const timer = setTimeout(
      () => {
        // The next search of the stage reports a failure.
        start(stage).catch(() => {});
      },
      intervalOf(last, source.listingIntervalMs),
    );
    timer.unref();
    timers.set(stage, timer);
  };

  return {
    last: async (stage) => {
      usedMs.set(stage, now());
      const last = scanned.get(stage);
      if (last === undefined || now() - last.startedMs > maxAgeOf(last, source.listingIntervalMs))
        return running.get(stage) ?? start(stage);
      return last.scan;
    },
    renew: async (stage) => {
      usedMs.set(stage, now());
      await running.get(stage)?.catch(() => {});
      return running.get(stage) ?? start(stage);
    },
    filesIn: (folder) => files.get(folder) ?? [],
    stop: () => {
      stopped = true;
      for (const timer of timers.values()) clearTimeout(timer);
    },
  };
}

function intervalOf({ durationMs }: ScannedStage, leastMs: number): number {
  return Math.max(leastMs, INTERVAL_DURATIONS * durationMs);
}

function maxAgeOf(scanned: ScannedStage, leastMs: number): number {
  return Math.max(MAX_AGE_MS, MAX_AGE_INTERVALS * intervalOf(scanned, leastMs));
}

async function areSame(before: readonly FileStamp[], now: readonly FileStamp[]): Promise<boolean> {
  if (before.length !== now.length) return false;
  for (const [i, file] of now.entries()) {
    if (i > 0 && i % FILES_PER_TURN === 0) await setImmediate();
    const old = before[i] as FileStamp;
    if (old.name !== file.name || !isSameFile(old, file)) return false;
  }
  return true;
}
