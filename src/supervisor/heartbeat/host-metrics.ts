import os from 'node:os';

export interface HostMetrics {
  /** 0..100, over all processors, since the last call; since the machine started at the first one. */
  readonly cpuPercent: number;
  /** 0..100, without caches. */
  readonly ramPercent: number;
  readonly ramAvailableGb: number;
}

const GIB = 1024 ** 3;

/** Reads the machine's load. It runs no other program, so that it can never hang. */
export function createHostMetrics(): () => HostMetrics {
  let before = { busy: 0, total: 0 };

  return () => {
    const now = cpuTimes();
    const total = now.total - before.total;
    const cpuPercent = total > 0 ? (100 * (now.busy - before.busy)) / total : 0;
    before = now;
    // On Linux this is MemAvailable.
    const available = os.freemem();
    return {
      cpuPercent: rounded(Math.min(100, Math.max(0, cpuPercent)), 1),
      ramPercent: rounded((100 * (os.totalmem() - available)) / os.totalmem(), 1),
      ramAvailableGb: rounded(available / GIB, 2),
    };
  };
}

function cpuTimes(): { readonly busy: number; readonly total: number } {
  let [busy, total] = [0, 0];
  for (const { times } of os.cpus()) {
    const sum = times.user + times.nice + times.sys + times.idle + times.irq;
    busy += sum - times.idle;
    total += sum;
  }
  return { busy, total };
}

function rounded(value: number, digits: number): number {
  return Number.isFinite(value) ? Number(value.toFixed(digits)) : 0;
}
