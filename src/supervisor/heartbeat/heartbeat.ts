import { performance } from 'node:perf_hooks';
import type { Device } from '../../shared/device.js';
import { messageOf } from '../../shared/errors.js';
import type { Logger } from '../../shared/logger.js';
import type { RollOutcome, WorkerRecord } from '../../shared/worker-record.js';
import { describeWorker } from './describe-worker.js';
import type { Fleet } from '../slots/fleet.js';
import { readHostMetrics } from './host-metrics.js';
import type { Holder, MachineLease } from './machine-lease.js';
import { type NvidiaGpu, type NvidiaQuery, queryNvidiaGpus } from '../devices/nvidia-smi.js';

export interface HeartbeatDeps {
  readonly hostname: string;
  readonly intervalMs: number;
  readonly fleet: Fleet;
  readonly lease: MachineLease;
  readonly redisIsUp: () => boolean;
  readonly lastRoll: () => RollOutcome | null;
  readonly lastXid: (device: Device) => number | null;
  /** Called after each query of the GPUs. */
  readonly onGpus: (gpus: ReadonlyMap<string, NvidiaGpu>) => void;
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
 * logged and never fatal. While Redis is unreachable, there are no heartbeats.
 */
export function createHeartbeat(deps: HeartbeatDeps): Heartbeat {
  const { logger } = deps;
  let timer: NodeJS.Timeout | undefined;
  let running: Promise<void> | null = null;

  const records = async (): Promise<WorkerRecord[]> => {
    const needsGpus = deps.fleet.workers().some((worker) => worker.device.kind === 'nvidia');
    const [host, query] = await Promise.all([readHostMetrics(), needsGpus ? queryNvidiaGpus() : null]);
    const gpus = byUuid(query);
    deps.onGpus(gpus);
    const machine = {
      hostname: deps.hostname,
      now: Math.floor(Date.now() / 1000),
      host,
      gpus,
      lastRoll: deps.lastRoll(),
      lastXid: deps.lastXid,
    };
    return deps.fleet.workers().map((worker) => describeWorker(worker, machine));
  };

  const beatOnce = async (): Promise<void> => {
    try {
      const startedAt = performance.now();
      const result = await deps.lease.beat(await records());
      logger.trace({ durationMs: Math.round(performance.now() - startedAt) }, 'Heartbeat');
      if (result.kind === 'lease-lost') deps.onLeaseLost(result.holder);
      // Show the new pause state now, not at the next heartbeat.
      else if (deps.fleet.setPaused(result.paused)) await deps.lease.beat(await records());
    } catch (error) {
      logger.warn(`The heartbeat failed: ${messageOf(error)}`);
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
      await deps.lease.leave(await records());
    },
  };
}

function byUuid(query: NvidiaQuery | null): Map<string, NvidiaGpu> {
  return new Map(query?.kind === 'gpus' ? query.gpus.map((gpu) => [gpu.device.uuid, gpu]) : []);
}
