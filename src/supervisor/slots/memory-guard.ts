import os from 'node:os';
import { performance } from 'node:perf_hooks';
import type { Config } from '../../shared/config.js';
import type { Logger } from '../../shared/logger.js';
import type { Fleet } from './fleet.js';
import { figuresOf } from '../devices/gpu-figures.js';
import { chooseRecycling, chooseReplaceOrder, type MemoryFacts } from './memory-policy.js';
import type { NvidiaGpu } from '../devices/nvidia-smi.js';
import type { Worker } from './worker.js';

/** A worker must still get work done if the limit is lower than what every child needs. */
export const RECYCLE_INTERVAL_MS = 60_000;

export interface MemoryGuard {
  /** Replaces at most one child that is over its limit, and only while no other child starts or drains. */
  check(gpus: ReadonlyMap<string, NvidiaGpu>): void;
  replaceOrder(workerId: string): 'start-first' | 'drain-first';
}

const MIB = 1024 ** 2;

export function createMemoryGuard(
  fleet: Fleet,
  limits: () => Config['supervision'],
  isRolling: () => boolean,
  logger: Logger,
): MemoryGuard {
  const recycledAt = new Map<string, number>();
  let latest: ReadonlyMap<string, NvidiaGpu> = new Map();

  const factsOf = (worker: Worker): MemoryFacts => {
    const gpu = figuresOf(worker.device, latest);
    return {
      rssMb: worker.facts().stats?.rssMb ?? null,
      hostAvailableMb: os.freemem() / MIB,
      gpuUsedMb: gpu?.memoryUsedMb ?? null,
      gpuFreeMb: gpu?.memoryFreeMb ?? null,
    };
  };

  const wasRecycledRecently = (workerId: string): boolean =>
    performance.now() - (recycledAt.get(workerId) ?? -Infinity) < RECYCLE_INTERVAL_MS;

  return {
    replaceOrder: (workerId) => {
      const worker = fleet.workers().find(({ id }) => id === workerId);
      return worker === undefined ? 'start-first' : chooseReplaceOrder(factsOf(worker));
    },
    check: (gpus) => {
      latest = gpus;
      const mustWait = isRolling() || fleet.workers().some(isMoving);
      for (const worker of fleet.workers()) {
        if (worker.slot.state().kind !== 'serving' || wasRecycledRecently(worker.id)) continue;
        const memory = factsOf(worker);
        const order = chooseRecycling(memory, limits());
        if (order === null || (mustWait && order !== 'at-once')) continue;
        logger.warn(
          { worker: worker.id, ...memory, order },
          'The child is over its memory limit; replacing it',
        );
        recycledAt.set(worker.id, performance.now());
        worker.slot.replace(order);
        return;
      }
    },
  };
}

/** Whether a child of this worker starts or drains. A replaced child holds its memory until it has finished its jobs. */
function isMoving({ slot }: Worker): boolean {
  return ['starting', 'replacing', 'draining'].includes(slot.state().kind) || [...slot.children()].length > 1;
}
