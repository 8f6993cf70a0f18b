import type { Device, NvidiaDevice } from '../../shared/device.js';
import type { Logger } from '../../shared/logger.js';
import type { ChildProcess } from './child-process.js';
import { deviceKey } from '../devices/devices.js';
import { createWorker, type Worker, type WorkerDeps } from './worker.js';

export interface Fleet {
  workers(): readonly Worker[];
  /** Every child that has not ended, retired ones included. */
  children(): readonly ChildProcess[];
  /** Gives a device its slot and starts it. */
  add(device: Device): void;
  /** Brings the slots in line with the GPUs that are there now: vanished ones are lost, returned ones start again, new ones that are wanted get a slot. */
  syncGpus(present: readonly NvidiaDevice[], isWanted: (gpu: NvidiaDevice) => boolean): void;
  /** Quiets the whole machine, until it is called with `false`. */
  setQuiet(quiet: boolean): void;
  /** The workers that the portal has paused, by id. Tells whether one of them took jobs until now, or does so again. */
  setPaused(paused: ReadonlySet<string>): boolean;
  /** Ends the job where it runs on this machine. */
  cancel(jobId: string): void;
  /** Ends all children, within `drainTimeoutMs`; a later call may shorten it. */
  stop(drainTimeoutMs: number): Promise<void>;
}

/** All workers of this machine. A slot stays bound to its device, whatever becomes of the others' indices. */
export function createFleet(deps: WorkerDeps, logger: Logger): Fleet {
  const workers = new Map<string, Worker>();
  let quiet = false;
  let paused: ReadonlySet<string> = new Set();

  const applyQuiet = (): boolean =>
    [...workers.values()].map((worker) => worker.setQuiet(quiet || paused.has(worker.id))).includes(true);

  const add = (device: Device): void => {
    const worker = createWorker(
      withFreeIndex(
        device,
        [...workers.values()].map((other) => other.device),
      ),
      deps,
    );
    workers.set(deviceKey(device), worker);
    logger.info({ worker: worker.id, device: device.name }, 'Device found');
    worker.setQuiet(quiet || paused.has(worker.id));
    worker.slot.send({ type: 'start' });
  };

  return {
    workers: () => [...workers.values()],
    children: () => [...workers.values()].flatMap(({ slot }) => [...slot.children()]),
    add,
    syncGpus: (present, isWanted) => {
      const uuids = new Set(present.map((gpu) => gpu.uuid));
      for (const { id, device, slot } of workers.values()) {
        if (device.kind !== 'nvidia') continue;
        const isLost = slot.state().kind === 'lost';
        if (!uuids.has(device.uuid) && !isLost) {
          logger.error(
            { worker: id, device: device.name },
            `The ${device.mig === null ? 'GPU' : 'MIG instance'} has vanished; its worker waits for its return`,
          );
          slot.send({ type: 'device-lost' });
          deps.onTrouble();
        } else if (uuids.has(device.uuid) && isLost) {
          logger.info({ worker: id }, `The ${device.mig === null ? 'GPU' : 'MIG instance'} is back`);
          slot.send({ type: 'device-returned' });
        }
      }
      for (const gpu of present) {
        if (!workers.has(deviceKey(gpu)) && isWanted(gpu)) add(gpu);
      }
    },
    setQuiet: (wanted) => {
      quiet = wanted;
      applyQuiet();
    },
    setPaused: (ids) => {
      paused = ids;
      return applyQuiet();
    },
    cancel: (jobId) => {
      for (const worker of workers.values()) worker.cancel(jobId);
    },
    stop: async (drainTimeoutMs) => {
      await Promise.all([...workers.values()].map((worker) => worker.slot.stop(drainTimeoutMs)));
    },
  };
}

/**
 * A worker id is never given twice: a new GPU that took over a vanished one's index gets the next free one, and so does
 * a new MIG instance with the number of one that is gone.
 */
function withFreeIndex(device: Device, others: readonly Device[]): Device {
  if (device.kind === 'cpu') return device;
  const isTaken = (index: number, migNumber: number | null): boolean =>
    others.some(
      (other) =>
        other.kind === 'nvidia' && other.index === index && (other.mig?.number ?? null) === migNumber,
    );
  if (device.mig === null) {
    let { index } = device;
    while (isTaken(index, null)) index += 1;
    return { ...device, index };
  }
  let { number } = device.mig;
  while (isTaken(device.index, number)) number += 1;
  return { ...device, mig: { ...device.mig, number } };
}
