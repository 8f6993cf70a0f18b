import type { Redis } from 'ioredis';
import { readWorkerRecord } from './read-worker-record.js';
import { WORKERS_KEY } from './redis-keys.js';
import type { WorkerRecord } from './worker-record.js';

/** A worker with an older record is offline, even if its status says otherwise. */
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
    .flatMap(([id, text]) => readWorkerRecord(id, text) ?? [])
    .toSorted((a, b) => (a.id < b.id ? -1 : 1))
    .map((record) => {
      // A time in the future comes from a writer with a wrong clock, and says nothing about now.
      const ageS = Math.abs(nowS - record.reported_at);
      return { record, ageS, status: ageS > OFFLINE_AFTER_S ? 'offline' : record.status };
    });
}
