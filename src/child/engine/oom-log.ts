import type { ChildStats } from '../../shared/ipc.js';
import type { Logger } from '../../shared/logger.js';
import type { OomStep } from './oom-fallback.js';

/** Counts the OOM fallback steps of an engine's threads, and writes them to the worker's log. */
export interface OomLog {
  /** @returns the log line */
  note(step: OomStep): string;
  counts(): ChildStats['oomSteps'];
  /** Resolves with the first `spent`. */
  readonly spent: Promise<Error>;
}

const SENTENCES: Record<OomStep, string> = {
  halved: 'Trying smaller batches.',
  shrunk: 'Freed its memory and loaded the model again.',
  'on-cpu': 'Continuing on the CPU; trying the device again in a minute.',
  spent: 'Continuing on the CPU until this process is replaced.',
};

export function createOomLog(provider: string, logger: Logger): OomLog {
  const counts = { halved: 0, shrunk: 0, onCpu: 0 };
  let onSpent!: (error: Error) => void;
  const spent = new Promise<Error>((resolve) => {
    onSpent = resolve;
  });
  return {
    note: (step) => {
      if (step === 'halved' || step === 'shrunk') counts[step] += 1;
      else counts.onCpu += 1;
      const sentence = `The memory of the device (${provider}) is exhausted. ${SENTENCES[step]}`;
      logger.warn({ step }, sentence);
      if (step === 'spent') onSpent(new Error(`The memory of the device (${provider}) stays exhausted`));
      return sentence;
    },
    counts: () => ({ ...counts }),
    spent,
  };
}
