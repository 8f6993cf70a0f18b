import { execFile } from 'node:child_process';
import type { NvidiaDevice } from '../shared/device.js';

/** nvidia-smi is known to hang when a GPU has fallen off the bus. */
export const NVIDIA_SMI_TIMEOUT_MS = 5000;

const FIELDS = [
  'index',
  'uuid',
  'name',
  'memory.total',
  'memory.used',
  'memory.free',
  'utilization.gpu',
  'temperature.gpu',
  'pci.bus_id',
  'driver_version',
] as const;

type Row = Record<(typeof FIELDS)[number], string>;

/** One GPU with its figures of the moment; `null` where the driver does not tell. Zero is zero. */
export interface NvidiaGpu {
  readonly device: NvidiaDevice;
  readonly memoryUsedMb: number | null;
  readonly memoryFreeMb: number | null;
  readonly utilizationPercent: number | null;
  readonly temperatureC: number | null;
}

export type NvidiaQuery =
  | { readonly kind: 'gpus'; readonly gpus: readonly NvidiaGpu[] }
  /** There is no nvidia-smi: this machine has no NVIDIA driver. */
  | { readonly kind: 'absent' }
  /** It is there and does not answer: nothing is known of the GPUs. */
  | { readonly kind: 'error'; readonly reason: string };

/** Asks for all GPUs with one process, without blocking, and never rejects. */
export function queryNvidiaGpus(timeoutMs = NVIDIA_SMI_TIMEOUT_MS): Promise<NvidiaQuery> {
  const args = [`--query-gpu=${FIELDS.join(',')}`, '--format=csv,noheader,nounits'];
  return new Promise((resolve) => {
    execFile('nvidia-smi', args, { timeout: timeoutMs, killSignal: 'SIGKILL' }, (error, stdout, stderr) => {
      if (error === null) resolve({ kind: 'gpus', gpus: parseNvidiaGpus(stdout) });
      else if (error.code === 'ENOENT') resolve({ kind: 'absent' });
      else if (error.killed === true) {
        resolve({ kind: 'error', reason: `nvidia-smi did not answer within ${timeoutMs / 1000} s` });
      } else {
        const said = firstLine(stdout) || firstLine(stderr) || error.message;
        resolve({ kind: 'error', reason: `nvidia-smi ended with code ${error.code}: ${said}` });
      }
    });
  });
}

/**
 * Reads `--format=csv,noheader,nounits` with our fields. Lines that describe no usable GPU (an error text
 * between the rows, a GPU without index or uuid) are left out.
 */
export function parseNvidiaGpus(csv: string): NvidiaGpu[] {
  return csv
    .split('\n')
    .map((line) => line.split(',').map((cell) => cell.trim()))
    .filter((cells) => cells.length === FIELDS.length)
    .map((cells) => Object.fromEntries(FIELDS.map((field, i) => [field, cells[i]])) as Row)
    .filter((row) => /^\d+$/.test(row.index) && /^(GPU|MIG)-/.test(row.uuid))
    .map((row) => ({
      device: {
        kind: 'nvidia',
        index: Number(row.index),
        uuid: row.uuid,
        name: row.name,
        memoryTotalMb: numberOf(row['memory.total']),
        pciBusId: textOf(row['pci.bus_id']),
        driverVersion: textOf(row.driver_version),
      },
      memoryUsedMb: numberOf(row['memory.used']),
      memoryFreeMb: numberOf(row['memory.free']),
      utilizationPercent: numberOf(row['utilization.gpu']),
      temperatureC: numberOf(row['temperature.gpu']),
    }));
}

/** `[N/A]`, `[Not Supported]`, `[Unknown Error]`, `[GPU is lost]` and the like are no values. */
function textOf(cell: string): string | null {
  return cell === '' || cell.startsWith('[') || cell === 'N/A' ? null : cell;
}

function numberOf(cell: string): number | null {
  const text = textOf(cell);
  const value = text === null ? Number.NaN : Number(text);
  return Number.isFinite(value) ? value : null;
}

function firstLine(text: string): string {
  return text.trim().split('\n', 1)[0] ?? '';
}
