import { currentLoad, mem } from 'systeminformation';

export interface HostMetrics {
  /** 0..100, over all processors, since the last call. */
  readonly cpuPercent: number | null;
  /** 0..100, without caches. */
  readonly ramPercent: number | null;
  readonly ramAvailableGb: number | null;
}

const GIB = 1024 ** 3;

export async function readHostMetrics(): Promise<HostMetrics> {
  const [load, memory] = await Promise.all([currentLoad(), mem()]);
  return {
    cpuPercent: rounded(load.currentLoad, 1),
    ramPercent: rounded((100 * (memory.total - memory.available)) / memory.total, 1),
    ramAvailableGb: rounded(memory.available / GIB, 2),
  };
}

function rounded(value: number, digits: number): number | null {
  return Number.isFinite(value) ? Number(value.toFixed(digits)) : null;
}
