import { fork } from 'node:child_process';
import type { SearchDurations } from '../../shared/durations.js';
import type { ChildMessage, ChildReady, ChildStats, SupervisorMessage } from '../../shared/ipc.js';
import type { Logger } from '../../shared/logger.js';
import { createErrorTail } from './error-tail.js';
import { createWatchdog, type WatchdogLimits } from './watchdog.js';

/** A child that was asked to drain and is still there this long after its time was up is killed. */
export const DRAIN_GRACE_MS = 5000;

export interface ChildProcess {
  /** The slot's number for this child. */
  readonly number: number;
  readonly pid: number | null;
  /** What the child said when it was ready to take jobs, `null` before. */
  ready(): ChildReady | null;
  stats(): ChildStats | null;
  /** Jobs that run in the child, oldest first. */
  runningJobs(): ReadonlyMap<string, RunningJob>;
  /** Whether these were all that it held at its last pong: a job that waits for its turn in the child does not run. */
  allJobsTold(): boolean;
  send(message: SupervisorMessage): void;
  /** Takes no new jobs, finishes its own within `timeoutMs`, gives back the rest and goes; killed where it does not. */
  drain(timeoutMs: number): void;
  /** SIGKILL: a child that does not answer cannot be asked, and its jobs are given back for it. */
  kill(reason: string): void;
  readonly exited: Promise<ChildExit>;
}

export interface RunningJob {
  /** 0..100 */
  readonly progress: number;
}

export interface ChildExit {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
  /** The child's last error line. */
  readonly error: string | null;
  /** Jobs that were running in it. */
  readonly jobs: readonly string[];
  /** Whether the child had been asked to go. */
  readonly planned: boolean;
  /** One sentence for a person. */
  readonly description: string;
}

export interface ChildProcessOptions {
  readonly number: number;
  readonly modulePath: string;
  readonly environment: NodeJS.ProcessEnv;
  readonly init: () => SupervisorMessage & { type: 'init' };
  readonly watchdog: WatchdogLimits;
  readonly logger: Logger;
  readonly onReady: (ready: ChildReady) => void;
  readonly onSearchTimed: (durations: SearchDurations) => void;
  readonly onSearchEnded: (outcome: 'completed' | 'failed' | 'returned') => void;
}

/** Forks one child: a process, its messages, its watchdog and its end. What follows from them is the slot's to decide. */
export function forkChild(options: ChildProcessOptions): ChildProcess {
  const { logger } = options;
  const node = fork(options.modulePath, [], {
    env: options.environment,
    stdio: ['ignore', 'inherit', 'pipe', 'ipc'],
  });
  const errorTail = createErrorTail(node.stderr);
  const jobs = new Map<string, RunningJob>();
  let ready: ChildReady | null = null;
  let stats: ChildStats | null = null;
  let allJobsTold = false;
  let lastWords: string | null = null;
  let killReason: string | null = null;
  let asked = false;
  let drainTimer: NodeJS.Timeout | undefined;

  const send = (message: SupervisorMessage): void => {
    if (!node.connected) return;
    node.send(message, (error) => {
      if (error)
        logger.debug(
          { err: error, childPid: node.pid },
          'A message did not reach the child; it is about to end',
        );
    });
  };

  const kill = (reason: string): void => {
    if (killReason !== null || node.exitCode !== null || node.signalCode !== null) return;
    killReason = reason;
    logger.error({ childPid: node.pid, reason, jobs: [...jobs.keys()], stats }, 'Killing the child');
    node.kill('SIGKILL');
  };

  const watchdog = createWatchdog(options.watchdog, (seq) => send({ type: 'ping', seq }), kill);

  const drain = (timeoutMs: number): void => {
    asked = true;
    send({ type: 'drain', timeoutMs });
    clearTimeout(drainTimer);
    drainTimer = setTimeout(
      () => kill(`It was still there ${DRAIN_GRACE_MS / 1000} s after its time to drain was up`),
      timeoutMs + DRAIN_GRACE_MS,
    );
  };

  node.on('message', (message: ChildMessage) => {
    switch (message.type) {
      case 'hello':
        send(options.init());
        watchdog.start();
        break;
      case 'ready':
        ready = message;
        errorTail.forget();
        options.onReady(message);
        break;
      case 'pong':
        stats = message.stats;
        allJobsTold = message.stats.activeJobs === jobs.size;
        watchdog.answered(message.seq, message.stats);
        break;
      case 'job-started':
        jobs.set(message.jobId, { progress: 0 });
        break;
      case 'job-progress':
        if (jobs.has(message.jobId)) jobs.set(message.jobId, { progress: message.progress });
        break;
      case 'job-ended':
        jobs.delete(message.jobId);
        if (message.queue === 'search') options.onSearchEnded(message.outcome);
        break;
      case 'search-timed':
        options.onSearchTimed(message.durations);
        break;
      case 'failing':
        lastWords = message.error;
        break;
    }
  });

  const exited = new Promise<ChildExit>((resolve) => {
    const finish = (code: number | null, signal: NodeJS.Signals | null, spawnError: string | null): void => {
      watchdog.stop();
      clearTimeout(drainTimer);
      const error = spawnError ?? lastWords ?? errorTail.lastLine();
      const how = signal === null ? `ended with code ${code}` : `was ended by ${signal}`;
      const why = [killReason, error].filter((text) => text !== null).join('; ');
      const description = `The child ${how}${why === '' ? '' : `: ${why}`}`;
      const planned = asked && killReason === null && code === 0;
      resolve({ code, signal, error: killReason ?? error, jobs: [...jobs.keys()], planned, description });
    };
    // `close` follows `exit` once the standard error is read to its end, so that the last line is there.
    node.once('close', (code, signal) => finish(code, signal, null));
    node.on('error', (error) => {
      if (node.pid === undefined) finish(null, null, error.message);
      else logger.warn({ err: error, childPid: node.pid }, 'The channel to the child failed');
    });
  });

  return {
    number: options.number,
    pid: node.pid ?? null,
    ready: () => ready,
    stats: () => stats,
    runningJobs: () => jobs,
    allJobsTold: () => allJobsTold,
    send,
    drain,
    kill,
    exited,
  };
}
