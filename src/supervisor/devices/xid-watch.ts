import type { Device } from '../../shared/device.js';
import type { Logger } from '../../shared/logger.js';
import { type KernelLog, readKernelLog } from './kernel-log.js';
import { busKeyOf, meaningOfXid, newXids, readXids, type Xid } from './xid.js';

/** A child's death and a GPU's loss are looked into at once; this is for errors that nobody died of. */
const LOOK_INTERVAL_MS = 60_000;

export interface XidWatch {
  start(): void;
  /** Reads the kernel log now, or once more after the reading that is under way. */
  look(): void;
  /** Number of the device's last Xid, `null` where it has none or the kernel log cannot be read. */
  lastXid(device: Device): number | null;
  stop(): void;
}

interface WatchedWorker {
  readonly id: string;
  readonly device: Device;
}

/**
 * Looks for Xids of the workers' GPUs in the kernel log, which it reads only on machines with such a GPU. Where that is
 * not permitted, it says so once and never tries again.
 */
export function createXidWatch(
  workers: () => readonly WatchedWorker[],
  logger: Logger,
  read: () => Promise<KernelLog> = readKernelLog,
): XidWatch {
  /** The newest of each place. */
  const newest = new Map<string, Xid>();
  let timer: NodeJS.Timeout | undefined;
  let reading = false;
  let isFirstReading = true;
  let again = false;
  let over = false;

  const stop = (): void => {
    over = true;
    clearInterval(timer);
  };

  const look = async (): Promise<void> => {
    if (over || !workers().some(({ device }) => device.kind === 'nvidia')) return;
    again = reading;
    if (reading) return;
    reading = true;
    const log = await read();
    reading = false;
    if (over) return;
    take(log);
    if (again) void look();
  };

  const take = (log: KernelLog): void => {
    switch (log.kind) {
      case 'text':
        takeXids(readXids(log.text));
        isFirstReading = false;
        break;
      case 'late':
        logger.debug('dmesg did not answer in time; it is asked again later');
        break;
      case 'refused':
        logger.info(
          `The kernel log cannot be read, so errors of the GPUs (Xid) are not shown; docs/gpu.md says what would permit it: ${log.reason}`,
        );
        stop();
        break;
    }
  };

  const takeXids = (xids: readonly Xid[]): void => {
    for (const busKey of new Set(xids.map((xid) => xid.busKey))) {
      const ofPlace = xids.filter((xid) => xid.busKey === busKey);
      for (const xid of newXids(ofPlace, newest.get(busKey)?.line ?? null)) tell(xid);
    }
    for (const xid of xids) newest.set(xid.busKey, xid);
  };

  const tell = (xid: Xid): void => {
    const ids = workers()
      .filter(({ device }) => busKeyOfDevice(device) === xid.busKey)
      .map(({ id }) => id);
    if (ids.length === 0) return;
    const facts = { workers: ids, xid: xid.number, line: xid.line };
    const sentence = `Xid ${xid.number}: ${meaningOfXid(xid.number)}`;
    if (isFirstReading) logger.warn(facts, `Before this start the GPU reported ${sentence}`);
    else logger.error(facts, `The GPU reported ${sentence}`);
  };

  return {
    start: () => {
      timer = setInterval(() => void look(), LOOK_INTERVAL_MS);
      void look();
    },
    look: () => void look(),
    lastXid: (device) => newest.get(busKeyOfDevice(device) ?? '')?.number ?? null,
    stop,
  };
}

function busKeyOfDevice(device: Device): string | null {
  return device.kind === 'nvidia' ? busKeyOf(device.pciBusId) : null;
}
