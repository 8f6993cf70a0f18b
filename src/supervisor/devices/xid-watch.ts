import type { Device } from '../../shared/device.js';
import type { Logger } from '../../shared/logger.js';
import { type KernelLog, readKernelLog } from './kernel-log.js';
import { busKeyOf, meaningOfXid, newXids, readXids, type Xid } from './xid.js';

/** Crashes and lost GPUs trigger a read at once; the interval finds errors that ended no child. */
const READ_INTERVAL_MS = 60_000;

export interface XidWatch {
  start(): void;
  /** Reads the kernel log now, or once more after the current read. */
  refresh(): void;
  /** Number of the device's last Xid; `null` if it has none or the kernel log cannot be read. */
  lastXid(device: Device): number | null;
  stop(): void;
}

interface WatchedWorker {
  readonly id: string;
  readonly device: Device;
}

/**
 * Finds Xids of the workers' GPUs in the kernel log. Reads the log only if a worker has a GPU. If reading is not
 * permitted, logs that once and stops.
 */
export function createXidWatch(
  workers: () => readonly WatchedWorker[],
  logger: Logger,
  read: () => Promise<KernelLog> = readKernelLog,
): XidWatch {
  /** The newest Xid of each PCI address. */
  const newest = new Map<string, Xid>();
  let timer: NodeJS.Timeout | undefined;
  let reading = false;
  let isFirstReading = true;
  let again = false;
  let stopped = false;

  const stop = (): void => {
    stopped = true;
    clearInterval(timer);
  };

  const refresh = async (): Promise<void> => {
    if (stopped || !workers().some(({ device }) => device.kind === 'nvidia')) return;
    again = reading;
    if (reading) return;
    reading = true;
    const log = await read();
    reading = false;
    if (stopped) return;
    onKernelLog(log);
    if (again) void refresh();
  };

  const onKernelLog = (log: KernelLog): void => {
    switch (log.kind) {
      case 'text':
        addXids(readXids(log.text));
        isFirstReading = false;
        break;
      case 'late':
        logger.debug('dmesg did not answer in time; trying again later');
        break;
      case 'refused':
        logger.info(
          `Cannot read the kernel log, so GPU errors (Xid) are not reported; docs/gpu.md explains how to allow it: ${log.reason}`,
        );
        stop();
        break;
    }
  };

  const addXids = (xids: readonly Xid[]): void => {
    for (const busKey of new Set(xids.map((xid) => xid.busKey))) {
      const ofGpu = xids.filter((xid) => xid.busKey === busKey);
      for (const xid of newXids(ofGpu, newest.get(busKey)?.line ?? null)) report(xid);
    }
    for (const xid of xids) newest.set(xid.busKey, xid);
  };

  const report = (xid: Xid): void => {
    const ids = workers()
      .filter(({ device }) => busKeyOfDevice(device) === xid.busKey)
      .map(({ id }) => id);
    if (ids.length === 0) return;
    const facts = { workers: ids, xid: xid.number, line: xid.line };
    const sentence = `Xid ${xid.number}: ${meaningOfXid(xid.number)}`;
    if (isFirstReading) logger.warn(facts, `Before this start, the GPU reported ${sentence}`);
    else logger.error(facts, `The GPU reported ${sentence}`);
  };

  return {
    start: () => {
      timer = setInterval(() => void refresh(), READ_INTERVAL_MS);
      void refresh();
    },
    refresh: () => void refresh(),
    lastXid: (device) => newest.get(busKeyOfDevice(device) ?? '')?.number ?? null,
    stop,
  };
}

function busKeyOfDevice(device: Device): string | null {
  return device.kind === 'nvidia' ? busKeyOf(device.pciBusId) : null;
}
