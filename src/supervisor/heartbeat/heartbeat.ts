import { performance } from 'node:perf_hooks';
import type { Device } from '../../shared/device.js';
import { messageOf } from '../../shared/errors.js';
import type { Logger } from '../../shared/logger.js';
import type { RollOutcome, WorkerReport } from '../../shared/worker-record.js';
import { describeWorker } from './describe-worker.js';
import type { Fleet } from '../slots/fleet.js';
import { createHostMetrics } from './host-metrics.js';
import type { Holder, MachineLease } from './machine-lease.js';
import type { GpuMonitor } from '../devices/gpu-monitor.js';

export interface HeartbeatDeps {
  readonly hostname: string;
  readonly intervalMs: number;
  readonly fleet: Fleet;
  readonly lease: MachineLease;
  readonly redisIsUp: () => boolean;
  readonly lastRoll: () => RollOutcome | null;
  readonly lastXid: (device: Device) => number | null;
  readonly gpus: Pick<GpuMonitor, 'figures' | 'problem'>;
  /** Why the workers cannot use Redis although it answers; `null` if they can. */
  readonly redisProblem: () => string | null;
  readonly onLeaseLost: (holder: Holder) => void;
  readonly logger: Logger;
}

export interface Heartbeat {
  /** Writes the records now. Resolves once Redis has them. */
  beat(): Promise<void>;
  start(): void;
  /** Writes the last records and releases the lease. */
  stop(): Promise<void>;
}

/**
 * The only writer of the hash `workers`. Writes all records of the machine in one round trip. A failed heartbeat is
 * logged and never fatal. While Redis is unreachable, there are no heartbeats. A heartbeat waits for nothing but Redis.
 */
export function createHeartbeat(deps: HeartbeatDeps): Heartbeat {
  const { logger } = deps;
  let timer: NodeJS.Timeout | undefined;
  let running: Promise<void> | null = null;

  const hostMetrics = createHostMetrics();
  let lastFailure: string | null = null;

  const reports = (): WorkerReport[] => {
    const machine = {
      hostname: deps.hostname,
      host: hostMetrics(),
      gpus: deps.gpus.figures(),
      gpuProblem: deps.gpus.problem(),
      redisProblem: deps.redisProblem(),
      lastRoll: deps.lastRoll(),
      lastXid: deps.lastXid,
    };
    return deps.fleet.workers().map((worker) => describeWorker(worker, machine));
  };

  const beatOnce = async (): Promise<void> => {
    try {
      const startedAt = performance.now();
      const result = await deps.lease.beat(reports());
      lastFailure = null;
      logger.trace({ durationMs: Math.round(performance.now() - startedAt) }, 'Heartbeat');
      if (result.kind === 'lease-lost') deps.onLeaseLost(result.holder);
      // Show the new pause state now, not at the next heartbeat.
      else if (deps.fleet.setPaused(result.paused)) await deps.lease.beat(reports());
    } catch (error) {
      const failure = messageOf(error);
      if (failure !== lastFailure) logger.warn(`Cannot write the heartbeat: ${failure}`);
      lastFailure = failure;
    }
  };

  const beat = (): Promise<void> => {
    running ??= beatOnce().finally(() => {
      running = null;
    });
    return running;
  };

  return {
    beat,
    start: () => {
      timer = setInterval(() => {
        if (deps.redisIsUp()) void beat();
      }, deps.intervalMs);
    },
    stop: async () => {
      clearInterval(timer);
      await running;
      await deps.lease.leave(reports());
    },
  };
}
