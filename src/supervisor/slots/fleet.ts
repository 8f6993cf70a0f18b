import type { Device, NvidiaDevice } from '../../shared/device.js';
import type { Logger } from '../../shared/logger.js';
import type { ChildProcess } from './child-process.js';
import { deviceKey } from '../devices/devices.js';
import { coresPerChild } from './core-share.js';
import { createWorker, type Worker, type WorkerDeps } from './worker.js';

export interface Fleet {
  workers(): readonly Worker[];
  /** Every child that still runs, including replaced ones that drain. */
  children(): readonly ChildProcess[];
  /** Creates and starts a worker for each device. */
  add(devices: readonly Device[]): void;
  /** Updates the workers: a vanished GPU is lost, a returned GPU starts again, a new GPU that is wanted gets a worker. */
  syncGpus(present: readonly NvidiaDevice[], isWanted: (gpu: NvidiaDevice) => boolean): void;
  /** Pauses or resumes the whole machine. */
  setQuiet(quiet: boolean): void;
  /** Sets the workers that are paused in Redis, by id. Returns whether a worker paused or resumed. */
  setPaused(paused: ReadonlySet<string>): boolean;
  /** Cancels the job if it runs on this machine. */
  cancel(jobId: string): void;
  /** Stops all children within `drainTimeoutMs`. A later call may shorten it. */
  stop(drainTimeoutMs: number): Promise<void>;
}

/** All workers of this machine. A worker keeps its device even if the GPU indices change. */
export function createFleet(deps: Omit<WorkerDeps, 'cores'>, logger: Logger): Fleet {
  const workers = new Map<string, Worker>();
  let quiet = false;
  let paused: ReadonlySet<string> = new Set();

  const applyQuiet = (): boolean =>
    [...workers.values()].map((worker) => worker.setQuiet(quiet || paused.has(worker.id))).includes(true);

  const cores = (): number => coresPerChild(workers.size);

  const create = (device: Device): Worker => {
    const others = [...workers.values()].map((other) => other.device);
    const worker = createWorker(withFreeIndex(device, others), { ...deps, cores });
    workers.set(deviceKey(device), worker);
    logger.info({ worker: worker.id, device: device.name }, 'Device found');
    worker.setQuiet(quiet || paused.has(worker.id));
    return worker;
  };

  // A child's share of the cores depends on the number of workers, so all of them exist before the first one starts.
  const add = (devices: readonly Device[]): void => {
    for (const worker of devices.map(create)) worker.slot.send({ type: 'start' });
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
            `The ${device.mig === null ? 'GPU' : 'MIG instance'} has vanished; its worker starts again when it returns`,
          );
          slot.send({ type: 'device-lost' });
          deps.onTrouble();
        } else if (uuids.has(device.uuid) && isLost) {
          logger.info({ worker: id }, `The ${device.mig === null ? 'GPU' : 'MIG instance'} is back`);
          slot.send({ type: 'device-returned' });
        }
      }
      add(present.filter((gpu) => !workers.has(deviceKey(gpu)) && isWanted(gpu)));
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
 * Worker ids are never reused: a new GPU with the index of a vanished one gets the next free index. The same holds for
 * the numbers of MIG instances.
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
