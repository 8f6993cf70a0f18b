import type { Redis } from 'ioredis';
import { z } from 'zod';
import { DURATION_BOUNDS_S, NO_DURATIONS } from './durations.js';
import { WORKERS_KEY } from './redis-keys.js';
import { WORKER_STATUSES, type WorkerRecord } from './worker-record.js';

/** A worker with an older record is offline, whatever its status says. */
const OFFLINE_AFTER_S = 15;

export interface SeenWorker {
  readonly record: WorkerRecord;
  /** The record's status, or `offline` if the record is too old. */
  readonly status: WorkerRecord['status'];
  /** Seconds since the record was written. */
  readonly ageS: number;
}

/**
 * All workers in Redis, sorted by id. Ages are measured with Redis' own clock. A field that is no worker record is left
 * out, so that it cannot hide the others.
 */
export async function readFleet(redis: Redis): Promise<SeenWorker[]> {
  const [texts, [seconds]] = await Promise.all([redis.hgetall(WORKERS_KEY), redis.time()]);
  const nowS = Number(seconds);
  return Object.entries(texts)
    .flatMap(([id, text]) => parseWorkerRecord(id, text) ?? [])
    .toSorted((a, b) => (a.id < b.id ? -1 : 1))
    .map((record) => {
      // A time in the future comes from a writer with a wrong clock, and says nothing about now.
      const ageS = Math.abs(nowS - record.reported_at);
      return { record, ageS, status: ageS > OFFLINE_AFTER_S ? 'offline' : record.status };
    });
}

const LONGEST_TEXT = 2000;
const text = z.string().transform((value) => value.slice(0, LONGEST_TEXT));
const optionalText = text.nullable().catch(null);
const optionalNumber = z.number().nullable().catch(null);
const count = z.number().catch(0);
const flag = z.boolean().catch(false);
const histogram = z
  .object({ counts: z.array(z.number()).length(DURATION_BOUNDS_S.length + 1), sum: z.number() })
  .catch(NO_DURATIONS as { counts: number[]; sum: number });

/** Other programs and other releases write to the same hash, so every field but the times has a default. */
const workerRecord = z
  .object({
    hostname: text.catch(''),
    status: z.enum(WORKER_STATUSES).catch('online'),
    gpu_index: optionalNumber,
    gpu_uuid: optionalText,
    gpu_name: text.catch('CPU'),
    use_cpu: flag,
    concurrency: count,
    engine: optionalText,
    provider: optionalText,
    model_pack: optionalText,
    model_license: optionalText,
    provider_refusals: z.array(z.object({ provider: text, reason: text })).catch([]),
    oom_halved: count,
    oom_shrunk: count,
    oom_on_cpu: count,
    pid: optionalNumber,
    version: text.catch('unknown'),
    start_time: count,
    uptime: count,
    last_heartbeat: z.number(),
    reported_at: z.number().optional(),
    jobs_processed: count,
    jobs_failed: count,
    durations: z
      .object({ wait: histogram, selfie: histogram, gallery: histogram, run: histogram, total: histogram })
      .catch(() => histograms()),
    current_job: optionalText,
    current_job_progress: optionalNumber,
    cpu_percent: count,
    ram_percent: count,
    ram_available_gb: count,
    gpu_utilization: optionalNumber,
    gpu_memory_used_mb: optionalNumber,
    gpu_memory_free_mb: optionalNumber,
    gpu_memory_total_mb: optionalNumber,
    gpu_temperature: optionalNumber,
    gpu_power_watts: optionalNumber,
    gpu_power_limit_watts: optionalNumber,
    gpu_throttle_reasons: z.array(text).nullable().catch(null),
    gpu_ecc_uncorrected: optionalNumber,
    gpu_xid: optionalNumber,
    restarts: count,
    last_exit: z
      .object({
        at: z.number(),
        code: optionalNumber,
        signal: optionalText,
        planned: flag,
        error: optionalText,
      })
      .nullable()
      .catch(null),
    status_reason: optionalText,
    last_roll: z
      .object({
        at: z.number(),
        outcome: z.enum(['done', 'failed', 'refused']),
        replaced: count,
        reason: optionalText,
      })
      .nullable()
      .catch(null),
    rss_mb: optionalNumber,
    event_loop_delay_max_ms: optionalNumber,
    process_cpu_percent: optionalNumber,
  })
  // Fields that this schema does not know pass through.
  .loose();

function histograms() {
  const none = { counts: [...NO_DURATIONS.counts], sum: 0 };
  return { wait: none, selfie: none, gallery: none, run: none, total: none };
}

/** `null` if the field is no worker record. */
export function parseWorkerRecord(id: string, json: string): WorkerRecord | null {
  let value: unknown;
  try {
    value = JSON.parse(json);
  } catch {
    return null;
  }
  const { success, data } = workerRecord.safeParse(value);
  if (!success) return null;
  // Records of older releases have no `reported_at`.
  return { ...data, id, reported_at: data.reported_at ?? data.last_heartbeat };
}
