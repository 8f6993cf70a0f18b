import os from 'node:os';
import type { Config } from '../shared/config.js';
import type { Logger } from '../shared/logger.js';
import type { Fleet } from './fleet.js';
import { chooseRecycling, chooseReplaceOrder, type MemoryFacts } from './memory-policy.js';
import type { NvidiaGpu } from './nvidia-smi.js';
import type { Worker } from './worker.js';

export interface MemoryGuard {
  /** Looks at every child's memory and recycles at most one. */
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
  let latest: ReadonlyMap<string, NvidiaGpu> = new Map();

  const factsOf = (worker: Worker): MemoryFacts => {
    const gpu = worker.device.kind === 'nvidia' ? latest.get(worker.device.uuid) : undefined;
    return {
      rssMb: worker.facts().stats?.rssMb ?? null,
      hostAvailableMb: os.freemem() / MIB,
      gpuUsedMb: gpu?.memoryUsedMb ?? null,
      gpuFreeMb: gpu?.memoryFreeMb ?? null,
    };
  };

  return {
    replaceOrder: (workerId) => {
      const worker = fleet.workers().find(({ id }) => id === workerId);
      return worker === undefined ? 'start-first' : chooseReplaceOrder(factsOf(worker));
    },
    check: (gpus) => {
      latest = gpus;
      const oneIsMoving = fleet
        .workers()
        .some(({ slot }) => ['starting', 'replacing', 'draining'].includes(slot.state().kind));
      if (oneIsMoving || isRolling()) return;
      for (const worker of fleet.workers()) {
        if (worker.slot.state().kind !== 'serving') continue;
        const memory = factsOf(worker);
        const order = chooseRecycling(memory, limits());
        if (order === null) continue;
        logger.warn(
          { worker: worker.id, ...memory, order },
          'The child has outgrown its memory limit and is recycled',
        );
        worker.slot.replace(order);
        return;
      }
    },
  };
}
