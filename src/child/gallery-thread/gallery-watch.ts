import { GalleryUnavailableError } from '../../shared/errors.js';

const CHECK_INTERVAL_MS = 3000;

/** Why searches and index batches cannot run here. */
export interface GalleryProblem {
  /** For operators. */
  readonly reason: string;
  /** The file system does not answer, so running jobs do not end either. */
  readonly hung: boolean;
}

/** Checks again and again whether this machine can read its photos. */
export interface GalleryWatch {
  problem(): GalleryProblem | null;
  /** Takes the problem of a job, so that no other job starts before the next check. */
  report(reason: string): void;
  /** Settles like `work`. @throws {GalleryUnavailableError} the gallery hangs */
  unlessHung<T>(work: Promise<T>): Promise<T>;
  stop(): void;
}

export interface GalleryWatchOptions {
  /** Resolves with a problem for operators, or `null`; rejects when no check is possible any more. */
  readonly check: () => Promise<string | null>;
  /** A check that takes longer means that the gallery hangs. */
  readonly hungAfterMs: number;
  /** Called for every change, with `null` once the problem is gone. */
  readonly onChange: (problem: GalleryProblem | null) => void;
  readonly intervalMs?: number;
}

/** Resolves after the first check, or once that hangs. */
export async function watchGallery({
  check,
  hungAfterMs,
  onChange,
  intervalMs = CHECK_INTERVAL_MS,
}: GalleryWatchOptions): Promise<GalleryWatch> {
  let problem: GalleryProblem | null = null;
  let timer: NodeJS.Timeout | undefined;
  let hungTimer: NodeJS.Timeout | undefined;
  let stopped = false;
  const pending = new Set<(error: Error) => void>();

  const set = (next: GalleryProblem | null): void => {
    if (stopped || (next?.reason === problem?.reason && next?.hung === problem?.hung)) return;
    problem = next;
    onChange(next);
    if (next === null || !next.hung) return;
    for (const reject of pending) reject(new GalleryUnavailableError(next.reason));
  };

  const checkOnce = (onAnswer: () => void): void => {
    hungTimer = setTimeout(() => {
      const seconds = Math.round(hungAfterMs / 1000);
      set({ reason: `GALLERY_DIR has not answered for ${seconds} s; a network mount may hang`, hung: true });
      onAnswer();
    }, hungAfterMs);
    check().then(
      (reason) => {
        clearTimeout(hungTimer);
        set(reason === null ? null : { reason, hung: false });
        onAnswer();
        if (!stopped) timer = setTimeout(() => checkOnce(() => {}), intervalMs);
      },
      // The thread has ended, and the child ends with it.
      () => clearTimeout(hungTimer),
    );
  };

  await new Promise<void>((resolve) => {
    checkOnce(resolve);
  });

  return {
    problem: () => problem,
    report: (reason) => {
      if (problem === null) set({ reason, hung: false });
    },
    unlessHung: (work) =>
      new Promise((resolve, reject) => {
        pending.add(reject);
        work.then(resolve, reject).finally(() => pending.delete(reject));
      }),
    stop: () => {
      stopped = true;
      clearTimeout(timer);
      clearTimeout(hungTimer);
    },
  };
}
