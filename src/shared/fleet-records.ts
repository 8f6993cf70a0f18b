import type { Redis } from 'ioredis';
import { readWorkerRecord } from './read-worker-record.js';
import { WORKERS_KEY } from './redis-keys.js';
import type { WorkerRecord } from './worker-record.js';

/** A worker with an older record is offline, whatever its status says. */
const OFFLINE_AFTER_S = 15;

export interface SeenWorker {
  readonly record: WorkerRecord;
  /** The record's status, or `offline` if the record is too old. */
  readonly status: WorkerRecord['status'];
  /** Seconds since the last heartbeat. */
  readonly ageS: number;
}

/** All workers in Redis, sorted by id. */
export async function readFleet(redis: Redis): Promise<SeenWorker[]> {
  const records = Object.entries(await redis.hgetall(WORKERS_KEY)).flatMap(([id, text]) => {
    const record = readWorkerRecord(id, text);
    return record === null ? [] : [record];
  });
  const nowS = Date.now() / 1000;
  return records
    .toSorted((a, b) => (a.id < b.id ? -1 : 1))
    .map((record) => {
      const ageS = Math.max(0, nowS - record.last_heartbeat);
      return { record, ageS, status: ageS > OFFLINE_AFTER_S ? 'offline' : record.status };
    });
}
