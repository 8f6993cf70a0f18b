import type { NvidiaDevice } from '../../shared/device.js';
import {
  NVIDIA_SMI_TIMEOUT_MS,
  type NvidiaAbsent,
  type NvidiaError,
  runNvidiaSmi,
} from './run-nvidia-smi.js';

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

/** Fields that some drivers do not have, newest name first (`nvidia-smi --help-query-gpu`). */
const OPTIONAL_FIELDS = {
  powerDraw: ['power.draw'],
  powerLimit: ['power.limit'],
  throttle: ['clocks_event_reasons.active', 'clocks_throttle_reasons.active'],
  eccUncorrected: ['ecc.errors.uncorrected.volatile.total'],
  migMode: ['mig.mode.current'],
} as const;

/** Fields that this machine's driver rejected. A driver cannot change while the process runs. */
const REFUSED = new Set<string>();

type OptionalField = keyof typeof OPTIONAL_FIELDS;
type Row = Readonly<Record<(typeof FIELDS)[number], string>> & Partial<Record<string, string>>;

/** One GPU and its current figures; `null` means that the driver does not report the figure. */
export interface NvidiaGpu {
  readonly device: NvidiaDevice;
  readonly driverVersion: string | null;
  readonly memoryUsedMb: number | null;
  readonly memoryFreeMb: number | null;
  readonly utilizationPercent: number | null;
  readonly temperatureC: number | null;
  readonly powerWatts: number | null;
  readonly powerLimitWatts: number | null;
  /** Why its clocks are held back; empty if they are not. */
  readonly throttleReasons: readonly string[] | null;
  /** Memory errors that ECC could not correct, since the driver was loaded. */
  readonly eccUncorrected: number | null;
  /** Whether CUDA sees the MIG instances instead of the GPU. */
  readonly migEnabled: boolean;
}

export type NvidiaQuery =
  { readonly kind: 'gpus'; readonly gpus: readonly NvidiaGpu[] } | NvidiaAbsent | NvidiaError;

/**
 * Reads all GPUs with one process. Never rejects. If the driver rejects an optional field, the query is repeated
 * without it, and later queries leave it out.
 */
export async function queryNvidiaGpus(
  timeoutMs = NVIDIA_SMI_TIMEOUT_MS,
  refused: Set<string> = REFUSED,
): Promise<NvidiaQuery> {
  for (;;) {
    const fields = fieldsFor(refused);
    const args = [`--query-gpu=${fields.join(',')}`, '--format=csv,noheader,nounits'];
    const answer = await runNvidiaSmi(args, timeoutMs);
    if (answer.kind === 'text') return { kind: 'gpus', gpus: parseNvidiaGpus(answer.text, fields) };
    if (answer.kind !== 'refused') return answer;
    // Only a field that was part of the query can be left out; anything else would loop forever.
    if (!fields.includes(answer.field) || (FIELDS as readonly string[]).includes(answer.field))
      return { kind: 'error', reason: `nvidia-smi does not know the field "${answer.field}"` };
    refused.add(answer.field);
  }
}

function fieldsFor(refused: ReadonlySet<string>): string[] {
  const others = Object.values(OPTIONAL_FIELDS).flatMap((names) => {
    const known = names.find((name) => !refused.has(name));
    return known === undefined ? [] : [known];
  });
  return [...FIELDS, ...others];
}

/**
 * Parses `--format=csv,noheader,nounits`. Skips lines that describe no usable GPU: error texts between the rows, and
 * GPUs without index or uuid.
 *
 * @param fields the queried fields, in order
 */
export function parseNvidiaGpus(csv: string, fields: readonly string[] = fieldsFor(new Set())): NvidiaGpu[] {
  return csv
    .split('\n')
    .map((line) => line.split(',').map((cell) => cell.trim()))
    .filter((cells) => cells.length === fields.length)
    .map((cells) => Object.fromEntries(fields.map((field, i) => [field, cells[i]])) as Row)
    .filter((row) => /^\d+$/.test(row.index) && row.uuid.startsWith('GPU-'))
    .map((row) => ({
      device: {
        kind: 'nvidia',
        index: Number(row.index),
        mig: null,
        uuid: row.uuid,
        name: row.name,
        memoryTotalMb: numberOf(row['memory.total']),
        pciBusId: textOf(row['pci.bus_id']),
      },
      driverVersion: textOf(row.driver_version),
      memoryUsedMb: numberOf(row['memory.used']),
      memoryFreeMb: numberOf(row['memory.free']),
      utilizationPercent: numberOf(row['utilization.gpu']),
      temperatureC: numberOf(row['temperature.gpu']),
      powerWatts: numberOf(optional(row, 'powerDraw')),
      powerLimitWatts: numberOf(optional(row, 'powerLimit')),
      throttleReasons: throttleReasonsOf(textOf(optional(row, 'throttle'))),
      eccUncorrected: numberOf(optional(row, 'eccUncorrected')),
      migEnabled: optional(row, 'migMode') === 'Enabled',
    }));
}

/** The bits of NVML's `nvmlClocksEventReasons` (docs.nvidia.com, NVML API reference) that mean a GPU is held back. */
const THROTTLE_BITS = [
  [0x4, 'power cap'],
  [0x8, 'hardware slowdown'],
  [0x20, 'software thermal slowdown'],
  [0x40, 'hardware thermal slowdown'],
  [0x80, 'power brake'],
] as const;

/**
 * Why a GPU's clocks are held back. Idle clocks, clocks set by a person and clocks synchronised with other GPUs do not
 * count.
 *
 * @param mask hexadecimal, `null` if the driver does not report it
 */
function throttleReasonsOf(mask: string | null): string[] | null {
  if (mask === null || !/^0x[\da-f]+$/i.test(mask)) return null;
  const bits = Number(mask);
  return THROTTLE_BITS.filter(([bit]) => (bits & bit) !== 0).map(([, name]) => name);
}

function optional(row: Row, field: OptionalField): string {
  return OPTIONAL_FIELDS[field].map((name) => row[name]).find((cell) => cell !== undefined) ?? '';
}

/** `[N/A]`, `[Not Supported]`, `[Unknown Error]` and `[GPU is lost]` are not values. */
function textOf(cell: string): string | null {
  return cell === '' || cell.startsWith('[') || cell === 'N/A' ? null : cell;
}

function numberOf(cell: string): number | null {
  const text = textOf(cell);
  const value = text === null ? Number.NaN : Number(text);
  return Number.isFinite(value) ? value : null;
}
