import os from 'node:os';
import { performance } from 'node:perf_hooks';
import type { Config } from '../../shared/config.js';
import type { Logger } from '../../shared/logger.js';
import type { Fleet } from './fleet.js';
import { figuresOf } from '../devices/gpu-figures.js';
import { chooseRecycling, chooseReplaceOrder, type MemoryFacts } from './memory-policy.js';
import type { NvidiaGpu } from '../devices/nvidia-smi.js';
import type { Worker } from './worker.js';

/** A limit below what a child needs from its start must not keep a worker from its work. */
export const RECYCLE_INTERVAL_MS = 60_000;

export interface MemoryGuard {
  /** Looks at every child's memory and recycles at most one, and that only while no other child comes or goes. */
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

  const wasRecycledLately = (workerId: string): boolean =>
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
        if (worker.slot.state().kind !== 'serving' || wasRecycledLately(worker.id)) continue;
        const memory = factsOf(worker);
        const order = chooseRecycling(memory, limits());
        if (order === null || (mustWait && order !== 'at-once')) continue;
        logger.warn(
          { worker: worker.id, ...memory, order },
          'The child has outgrown its memory limit and is recycled',
        );
        recycledAt.set(worker.id, performance.now());
        worker.slot.replace(order);
        return;
      }
    },
  };
}

/** Whether a child of this worker comes or goes; one that was replaced and finishes its jobs still holds its memory. */
function isMoving({ slot }: Worker): boolean {
  return ['starting', 'replacing', 'draining'].includes(slot.state().kind) || [...slot.children()].length > 1;
}
