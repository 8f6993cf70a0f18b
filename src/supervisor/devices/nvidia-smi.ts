import type { NvidiaDevice } from '../../shared/device.js';
import {
  NVIDIA_SMI_TIMEOUT_MS,
  type NvidiaAbsent,
  type NvidiaError,
  runNvidiaSmi,
} from './run-nvidia-smi.js';
import { throttleReasonsOf } from './throttle-reasons.js';

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

/** What not every driver knows, by its names, newest first (`nvidia-smi --help-query-gpu`). */
const OPTIONAL_FIELDS = {
  powerDraw: ['power.draw'],
  powerLimit: ['power.limit'],
  throttle: ['clocks_event_reasons.active', 'clocks_throttle_reasons.active'],
  eccUncorrected: ['ecc.errors.uncorrected.volatile.total'],
  migMode: ['mig.mode.current'],
} as const;

/** Fields that this machine's driver has refused: it stays the same while a process runs. */
const REFUSED = new Set<string>();

type OptionalField = keyof typeof OPTIONAL_FIELDS;
type Row = Readonly<Record<(typeof FIELDS)[number], string>> & Partial<Record<string, string>>;

/** One GPU with its figures of the moment; `null` where the driver does not tell. Zero is zero. */
export interface NvidiaGpu {
  readonly device: NvidiaDevice;
  readonly memoryUsedMb: number | null;
  readonly memoryFreeMb: number | null;
  readonly utilizationPercent: number | null;
  readonly temperatureC: number | null;
  readonly powerWatts: number | null;
  readonly powerLimitWatts: number | null;
  /** Why its clocks are lower than they could be, see `throttle-reasons.ts`; empty where they are not. */
  readonly throttleReasons: readonly string[] | null;
  /** Errors of its memory that ECC could not correct, since the driver was loaded. */
  readonly eccUncorrected: number | null;
  /** Whether CUDA sees its MIG instances instead of it. */
  readonly migEnabled: boolean;
}

export type NvidiaQuery =
  { readonly kind: 'gpus'; readonly gpus: readonly NvidiaGpu[] } | NvidiaAbsent | NvidiaError;

/**
 * Asks for all GPUs with one process, without blocking, and never rejects. A driver that does not know a figure is
 * asked again without it, and from then on never for it.
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
    // A field that was not asked for cannot be left out: that would go on for ever.
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
 * Reads `--format=csv,noheader,nounits`. Lines that describe no usable GPU (an error text between the rows, a GPU
 * without index or uuid) are left out.
 *
 * @param fields that were asked for, in order
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
        driverVersion: textOf(row.driver_version),
      },
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

function optional(row: Row, field: OptionalField): string {
  return OPTIONAL_FIELDS[field].map((name) => row[name]).find((cell) => cell !== undefined) ?? '';
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
