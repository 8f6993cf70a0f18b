import type { Config } from '../../shared/config.js';
import { type Device, workerIdOf } from '../../shared/device.js';
import { NO_SEARCHES, observeSearch, type SearchHistograms } from '../../shared/durations.js';
import type { ChildReady, ChildStats } from '../../shared/ipc.js';
import type { Logger } from '../../shared/logger.js';
import type { LastExit } from '../../shared/worker-record.js';
import { type ChildExit, type ChildProcess, forkChild } from './child-process.js';
import type { JobRecovery } from '../recovery/job-recovery.js';
import { createSlot, type SlotRunner } from './slot.js';
import type { SlotState } from './slot-state.js';

/** A driver that aborts the process that tries it does so every time. Once may have been anything. */
const CAUTIOUS_AFTER_DEATHS = 2;

export interface WorkerDeps {
  readonly childModulePath: string;
  /** The configuration for the next child: a rolling restart may have changed it. */
  readonly config: () => Config;
  readonly recovery: JobRecovery;
  readonly redisIsUp: () => boolean;
  readonly onChange: () => void;
  /** A child has ended unasked, or its device has vanished. */
  readonly onTrouble: () => void;
  readonly logger: Logger;
}

/** One device's worker across all its children: what the portal knows under one id. */
export interface Worker {
  readonly id: string;
  readonly device: Device;
  readonly slot: SlotRunner;
  facts(): WorkerFacts;
  /** Quiet workers finish what they have and take nothing new. Tells whether that is a change. */
  setQuiet(quiet: boolean): boolean;
  /** Ends the job where it runs here: only the child itself knows that at once. */
  cancel(jobId: string): void;
}

export interface WorkerFacts {
  readonly state: SlotState;
  readonly quiet: boolean;
  readonly pid: number | null;
  readonly ready: ChildReady | null;
  readonly stats: ChildStats | null;
  /** The job that has run longest. */
  readonly currentJob: { readonly id: string; readonly progress: number } | null;
  /** Seconds since 1970; of the present child, or of the last one. */
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
  /** Children in a row that were ended by a signal before they were ready. */
  let deathsAtStart = 0;

  const spawn = (number: number, onReady: () => void): ChildProcess => {
    startedAt = nowInSeconds();
    const child = forkChild({
      number,
      modulePath: deps.childModulePath,
      environment: childEnvironment(device),
      init: () => ({
        type: 'init',
        workerId: id,
        device,
        config: deps.config(),
        quiet,
        cautious: deathsAtStart >= CAUTIOUS_AFTER_DEATHS,
      }),
      watchdog: deps.config().supervision,
      logger,
      onReady: (ready) => {
        deathsAtStart = 0;
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

  const onChildExit = (exit: ChildExit, child: ChildProcess): void => {
    lastExit = {
      at: nowInSeconds(),
      code: exit.code,
      signal: exit.signal,
      planned: exit.planned,
      error: exit.error,
    };
    if (exit.planned) logger.info({ childPid: child.pid }, 'Child ended as asked');
    else
      logger.error(
        { childPid: child.pid, code: exit.code, signal: exit.signal, jobs: exit.jobs },
        exit.description,
      );
    if (!exit.planned) deps.onTrouble();
    const ready = child.ready();
    if (ready === null) {
      if (!exit.planned && exit.signal !== null) deathsAtStart += 1;
      return;
    }
    deps.recovery.recover({
      lockTokenPrefixes: ready.lockTokenPrefixes,
      suspects: new Set(exit.jobs),
      crashed: !exit.planned,
      description: exit.description,
    });
  };

  const slot = createSlot({
    spawn,
    onChildExit,
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
      logger.info(quiet ? 'Worker is quiet: it takes no new jobs' : 'Worker takes jobs again');
      for (const child of slot.children()) child.send({ type: quiet ? 'quiet' : 'resume' });
      return true;
    },
    cancel: (jobId) => {
      for (const child of slot.children()) child.send({ type: 'cancel', jobId });
    },
  };
}

/** A child sees its own GPU or MIG instance and no other; the CPU child sees none. */
function childEnvironment(device: Device): NodeJS.ProcessEnv {
  return {
    ...process.env,
    CUDA_VISIBLE_DEVICES: device.kind === 'nvidia' ? device.uuid : '',
    // onnxruntime 1.30 reports its sessions to its maker unless it is told not to. Nothing leaves this machine.
    ORT_DISABLE_TELEMETRY: '1',
  };
}

function nowInSeconds(): number {
  return Math.floor(Date.now() / 1000);
}
