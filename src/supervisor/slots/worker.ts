import type { Config } from '../../shared/config.js';
import { type Device, workerIdOf } from '../../shared/device.js';
import { NO_SEARCHES, observeSearch, type SearchHistograms } from '../../shared/durations.js';
import type { ChildReady, ChildStats } from '../../shared/ipc.js';
import type { Logger } from '../../shared/logger.js';
import type { LastExit } from '../../shared/worker-record.js';
import { type ChildExit, type ChildProcess, forkChild } from './child-process.js';
import type { JobRecovery } from '../recovery/job-recovery.js';
import { poolThreads } from './core-share.js';
import { createSlot, type SlotRunner } from './slot.js';
import type { SlotState } from './slot-state.js';

/** One crash at start-up can have any cause. A driver that aborts the process does so every time. */
const CAUTIOUS_AFTER_CRASHES = 2;

export interface WorkerDeps {
  readonly childModulePath: string;
  /** The configuration for the next child. A rolling restart may change it. */
  readonly config: () => Config;
  /** Processor cores for each child. */
  readonly cores: () => number;
  /** Resolves once this supervisor has the machine's lease. Children load their code before, but take no jobs. */
  readonly leased: Promise<void>;
  readonly recovery: JobRecovery;
  readonly redisIsUp: () => boolean;
  readonly onChange: () => void;
  /** A child crashed or a device vanished. */
  readonly onTrouble: () => void;
  readonly logger: Logger;
}

/** One device's worker, across all its children. The portal knows it under one id. */
export interface Worker {
  readonly id: string;
  readonly device: Device;
  readonly slot: SlotRunner;
  facts(): WorkerFacts;
  /** A quiet worker finishes its jobs and takes no new ones. Returns whether the state changed. */
  setQuiet(quiet: boolean): boolean;
  /** Cancels the job if it runs here. Only the child itself knows for certain. */
  cancel(jobId: string): void;
}

export interface WorkerFacts {
  readonly state: SlotState;
  readonly quiet: boolean;
  readonly pid: number | null;
  readonly ready: ChildReady | null;
  readonly stats: ChildStats | null;
  /** The job that has been running longest. */
  readonly currentJob: { readonly id: string; readonly progress: number } | null;
  /** Start of the current or the last child, in seconds since 1970. */
  readonly startedAt: number;
  readonly restarts: number;
  readonly jobsProcessed: number;
  readonly jobsFailed: number;
  readonly durations: SearchHistograms;
  readonly lastExit: LastExit | null;
}

export function createWorker(device: Device, deps: WorkerDeps): Worker {
  const id = workerIdOf(deps.config().hostname, device);
  const logger = deps.logger.child({ worker: id });
  let quiet = false;
  let startedAt = nowInSeconds();
  let jobsProcessed = 0;
  let jobsFailed = 0;
  let durations = NO_SEARCHES;
  let lastExit: LastExit | null = null;
  /** Consecutive children that a signal killed before they were ready. */
  let crashesAtStart = 0;

  const spawn = (number: number, onReady: () => void): ChildProcess => {
    startedAt = nowInSeconds();
    const child = forkChild({
      number,
      modulePath: deps.childModulePath,
      environment: childEnvironment(device, deps.cores()),
      init: async () => {
        await deps.leased;
        return {
          type: 'init',
          workerId: id,
          device,
          config: deps.config(),
          cores: deps.cores(),
          quiet,
          cautious: crashesAtStart >= CAUTIOUS_AFTER_CRASHES,
        };
      },
      watchdog: deps.config().supervision,
      logger,
      onReady: (ready) => {
        crashesAtStart = 0;
        logger.info(
          {
            childPid: child.pid,
            engine: ready.engine,
            provider: ready.provider,
            concurrency: ready.concurrency,
          },
          'Worker is ready',
        );
        onReady();
      },
      onSearchEnded: (outcome) => {
        if (outcome === 'completed') jobsProcessed += 1;
        if (outcome === 'failed') jobsFailed += 1;
      },
      onSearchTimed: (seconds) => {
        durations = observeSearch(durations, seconds);
      },
    });
    return child;
  };

  const recoverJobs = (
    child: ChildProcess,
    crashed: boolean,
    description: string,
    jobs: Iterable<string>,
  ): void => {
    const ready = child.ready();
    if (ready === null) return;
    const { lockTokenPrefixes } = ready;
    deps.recovery.recover({ lockTokenPrefixes, suspects: new Set(jobs), crashed, description });
  };

  const onChildExit = (exit: ChildExit, child: ChildProcess): void => {
    lastExit = {
      at: nowInSeconds(),
      code: exit.code,
      signal: exit.signal,
      planned: exit.planned,
      error: exit.error,
    };
    if (exit.planned) logger.info({ childPid: child.pid }, 'Child exited as requested');
    else
      logger.error(
        { childPid: child.pid, code: exit.code, signal: exit.signal, jobs: exit.jobs },
        exit.description,
      );
    if (!exit.planned) deps.onTrouble();
    if (child.ready() === null && !exit.planned && exit.signal !== null) crashesAtStart += 1;
    recoverJobs(child, !exit.planned, exit.description, exit.jobs);
  };

  const slot = createSlot({
    spawn,
    onChildExit,
    onChildStuck: (reason, child) => {
      deps.onTrouble();
      recoverJobs(child, true, reason, child.runningJobs().keys());
    },
    onChange: deps.onChange,
    drainTimeoutMs: () => deps.config().supervision.shutdownTimeoutMs,
    redisIsUp: deps.redisIsUp,
    logger,
  });

  return {
    id,
    device,
    slot,
    facts: () => {
      const child = slot.child();
      const [oldest] = child?.runningJobs() ?? [];
      return {
        state: slot.state(),
        quiet,
        pid: child?.pid ?? null,
        ready: child?.ready() ?? null,
        stats: child?.stats() ?? null,
        currentJob: oldest === undefined ? null : { id: oldest[0], progress: oldest[1].progress },
        startedAt,
        restarts: slot.restarts(),
        jobsProcessed,
        jobsFailed,
        durations,
        lastExit,
      };
    },
    setQuiet: (wanted) => {
      if (wanted === quiet) return false;
      quiet = wanted;
      logger.info(quiet ? 'Worker is paused: it takes no new jobs' : 'Worker takes jobs again');
      for (const child of slot.children()) child.send({ type: quiet ? 'quiet' : 'resume' });
      return true;
    },
    cancel: (jobId) => {
      for (const child of slot.children()) child.send({ type: 'cancel', jobId });
    },
  };
}

/** A child sees only its own GPU or MIG instance. The CPU child sees no GPU. */
function childEnvironment(device: Device, cores: number): NodeJS.ProcessEnv {
  return {
    UV_THREADPOOL_SIZE: String(poolThreads(cores)),
    ...process.env,
    CUDA_VISIBLE_DEVICES: device.kind === 'nvidia' ? device.uuid : '',
    // onnxruntime 1.30 sends telemetry by default.
    ORT_DISABLE_TELEMETRY: '1',
  };
}

function nowInSeconds(): number {
  return Math.floor(Date.now() / 1000);
}
