import { fork } from 'node:child_process';
import type { SearchDurations } from '../../shared/durations.js';
import type { ChildMessage, ChildReady, ChildStats, SupervisorMessage } from '../../shared/ipc.js';
import type { Logger } from '../../shared/logger.js';
import { nodeOptions } from '../../shared/node-options.js';
import { createErrorTail } from './error-tail.js';
import { createWatchdog, type WatchdogLimits } from './watchdog.js';

/** A child that still runs this long after its drain timeout is killed. */
export const DRAIN_GRACE_MS = 5000;

/** A killed child ends within milliseconds, unless a thread of it sleeps in the kernel. */
export const STUCK_AFTER_MS = 3000;

export interface ChildProcess {
  /** Number of the child within its slot. */
  readonly number: number;
  readonly pid: number | null;
  /** The child's `ready` message, `null` before it arrives. */
  ready(): ChildReady | null;
  stats(): ChildStats | null;
  /** Jobs that run in the child, oldest first. */
  runningJobs(): ReadonlyMap<string, RunningJob>;
  /** Whether the child held no other jobs at its last pong. A job that waits for the gate does not run yet. */
  allJobsKnown(): boolean;
  send(message: SupervisorMessage): void;
  /** The child finishes its jobs within `timeoutMs`, returns the rest to the queue and exits. Otherwise it is killed. */
  drain(timeoutMs: number): void;
  /** Sends SIGKILL. Job recovery returns the child's jobs to the queue. */
  kill(reason: string): void;
  readonly exited: Promise<ChildExit>;
  /** Resolves with a sentence if the child was killed and does not end. Nothing of it runs any more. */
  readonly stuck: Promise<string>;
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
  /** Jobs that were running in the child. */
  readonly jobs: readonly string[];
  /** Whether the supervisor asked the child to exit. */
  readonly planned: boolean;
  /** One sentence for a person. */
  readonly description: string;
}

export interface ChildProcessOptions {
  readonly number: number;
  readonly modulePath: string;
  readonly environment: NodeJS.ProcessEnv;
  /** Resolves once the child may start its work. */
  readonly init: () => Promise<SupervisorMessage & { type: 'init' }>;
  readonly watchdog: WatchdogLimits;
  readonly logger: Logger;
  readonly onReady: (ready: ChildReady) => void;
  readonly onSearchTimed: (durations: SearchDurations) => void;
  readonly onSearchEnded: (outcome: 'completed' | 'failed' | 'returned') => void;
}

/** Forks one child and handles its messages, watchdog and exit. The slot decides what happens next. */
export function forkChild(options: ChildProcessOptions): ChildProcess {
  const { logger } = options;
  const node = fork(options.modulePath, [], {
    env: options.environment,
    execArgv: nodeOptions(),
    stdio: ['ignore', 'inherit', 'pipe', 'ipc'],
  });
  const errorTail = createErrorTail(node.stderr);
  const jobs = new Map<string, RunningJob>();
  let ready: ChildReady | null = null;
  let stats: ChildStats | null = null;
  let allJobsKnown = false;
  let failure: string | null = null;
  let killReason: string | null = null;
  let askedToExit = false;
  let drainTimer: NodeJS.Timeout | undefined;
  let stuckTimer: NodeJS.Timeout | undefined;
  let onStuck!: (reason: string) => void;
  const stuck = new Promise<string>((resolve) => {
    onStuck = resolve;
  });

  const send = (message: SupervisorMessage): void => {
    if (!node.connected) return;
    node.send(message, (error) => {
      if (error)
        logger.debug(
          { err: error, childPid: node.pid },
          'A message did not reach the child, which is exiting',
        );
    });
  };

  const kill = (reason: string): void => {
    if (killReason !== null || node.exitCode !== null || node.signalCode !== null) return;
    killReason = reason;
    logger.error({ childPid: node.pid, reason, jobs: [...jobs.keys()], stats }, 'Killing the child');
    node.kill('SIGKILL');
    stuckTimer = setTimeout(() => {
      const sentence = `The child (pid ${node.pid}) was killed and does not end: a driver or a file system hangs; before: ${reason}`;
      logger.error({ childPid: node.pid }, sentence);
      onStuck(sentence);
    }, STUCK_AFTER_MS);
  };

  const watchdog = createWatchdog(options.watchdog, (seq) => send({ type: 'ping', seq }), kill);

  const drain = (timeoutMs: number): void => {
    askedToExit = true;
    send({ type: 'drain', timeoutMs });
    clearTimeout(drainTimer);
    drainTimer = setTimeout(
      () => kill(`It still ran ${DRAIN_GRACE_MS / 1000} s after its drain timeout`),
      timeoutMs + DRAIN_GRACE_MS,
    );
  };

  node.on('message', (message: ChildMessage) => {
    switch (message.type) {
      case 'hello':
        void options.init().then(send);
        watchdog.start();
        break;
      case 'ready':
        ready = message;
        errorTail.clear();
        options.onReady(message);
        break;
      case 'pong':
        stats = message.stats;
        allJobsKnown = message.stats.activeJobs === jobs.size;
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
        failure = message.error;
        break;
    }
  });

  const exited = new Promise<ChildExit>((resolve) => {
    const finish = (code: number | null, signal: NodeJS.Signals | null, spawnError: string | null): void => {
      watchdog.stop();
      clearTimeout(drainTimer);
      clearTimeout(stuckTimer);
      const error = spawnError ?? failure ?? errorTail.lastLine();
      const how = signal === null ? `exited with code ${code}` : `was killed by ${signal}`;
      const why = [killReason, error].filter((text) => text !== null).join('; ');
      const description = `The child ${how}${why === '' ? '' : `: ${why}`}`;
      const planned = askedToExit && killReason === null && code === 0;
      resolve({ code, signal, error: killReason ?? error, jobs: [...jobs.keys()], planned, description });
    };
    // Unlike `exit`, `close` comes after all of standard error has been read.
    node.once('close', (code, signal) => finish(code, signal, null));
    node.on('error', (error) => {
      if (node.pid === undefined) finish(null, null, error.message);
      else logger.warn({ err: error, childPid: node.pid }, 'The IPC channel to the child failed');
    });
  });

  return {
    number: options.number,
    pid: node.pid ?? null,
    ready: () => ready,
    stats: () => stats,
    runningJobs: () => jobs,
    allJobsKnown: () => allJobsKnown,
    send,
    drain,
    kill,
    exited,
    stuck,
  };
}
