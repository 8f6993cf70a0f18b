import { z } from 'zod';
import { DURATION_BOUNDS_S, NO_DURATIONS, NO_SEARCHES, type SearchStage } from './durations.js';
import type { WorkerRecord, WorkerStatus } from './worker-record.js';

const MAX_TEXT_CHARS = 2000;
const MAX_LIST = 100;

/** Other programs and other releases write to the same hash: a field of the wrong type becomes its default. */
const text = z.string().transform((value) => value.slice(0, MAX_TEXT_CHARS));
const textOrNull = text.nullable().catch(null);
const number = z.number().catch(0);
const numberOrNull = z.number().nullable().catch(null);
const list = <T extends z.ZodType>(item: T) =>
  z
    .array(item)
    .max(MAX_LIST)
    .catch(() => []);
const histogram = z
  .object({
    counts: z.array(z.number()).length(DURATION_BOUNDS_S.length + 1),
    sum: z.number(),
  })
  .catch(() => ({ counts: [...NO_DURATIONS.counts], sum: 0 }));

const STATUSES: readonly [WorkerStatus, ...WorkerStatus[]] = [
  'starting',
  'online',
  'stalled',
  'paused',
  'draining',
  'restarting',
  'failed',
  'lost',
  'offline',
];

/** zod's types know no read-only default. */
type Mutable = Record<SearchStage, { counts: number[]; sum: number }>;

const workerRecord = z.object({
  id: text,
  hostname: text.catch('unknown'),
  status: z.enum(STATUSES).catch('online'),
  gpu_index: numberOrNull,
  gpu_uuid: textOrNull,
  gpu_name: textOrNull,
  use_cpu: z.boolean().catch(false),
  concurrency: number,
  engine: textOrNull,
  model_pack: textOrNull,
  model_license: textOrNull,
  provider: textOrNull,
  provider_refusals: list(z.object({ provider: text, reason: text })),
  oom_halved: number,
  oom_shrunk: number,
  oom_on_cpu: number,
  pid: numberOrNull,
  version: text.catch('unknown'),
  start_time: number,
  uptime: number,
  last_heartbeat: number,
  jobs_processed: number,
  jobs_failed: number,
  durations: z
    .object({ wait: histogram, selfie: histogram, gallery: histogram, run: histogram, total: histogram })
    .catch(() => structuredClone(NO_SEARCHES) as Mutable),
  current_job: textOrNull,
  current_job_progress: numberOrNull,
  cpu_percent: numberOrNull,
  ram_percent: numberOrNull,
  ram_available_gb: numberOrNull,
  gpu_utilization: numberOrNull,
  gpu_memory_used_mb: numberOrNull,
  gpu_memory_free_mb: numberOrNull,
  gpu_memory_total_mb: numberOrNull,
  gpu_temperature: numberOrNull,
  gpu_power_watts: numberOrNull,
  gpu_power_limit_watts: numberOrNull,
  gpu_throttle_reasons: z.array(text).max(MAX_LIST).nullable().catch(null),
  gpu_ecc_uncorrected: numberOrNull,
  gpu_xid: numberOrNull,
  restarts: number,
  last_exit: z
    .object({
      at: z.number(),
      code: numberOrNull,
      signal: textOrNull,
      planned: z.boolean(),
      error: textOrNull,
    })
    .nullable()
    .catch(null),
  status_reason: textOrNull,
  last_roll: z
    .object({
      at: z.number(),
      outcome: z.enum(['done', 'failed', 'refused']),
      replaced: number,
      reason: textOrNull,
    })
    .nullable()
    .catch(null),
  rss_mb: numberOrNull,
  process_cpu_percent: numberOrNull,
  event_loop_delay_max_ms: numberOrNull,
});

/**
 * @param field the worker's id: its field in the hash `workers`
 * @returns `null` if it is no record
 */
export function readWorkerRecord(field: string, json: string): WorkerRecord | null {
  let value: unknown;
  try {
    value = JSON.parse(json);
  } catch {
    return null;
  }
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return null;
  return workerRecord.safeParse({ ...value, id: field }).data ?? null;
}
