import type { Redis } from 'ioredis';
import { WORKERS_KEY } from '../shared/redis-keys.js';
import type { WorkerRecord } from '../shared/worker-record.js';

/** A reader takes an older record for offline, whatever its status says. */
const OFFLINE_AFTER_S = 15;

export interface SeenWorker {
  readonly record: WorkerRecord;
  /** The record's, or `offline` where it is too old. */
  readonly status: WorkerRecord['status'];
  /** Seconds since the heartbeat. */
  readonly ageS: number;
}

/** All workers that have ever registered, in the order of their ids. */
export async function readFleet(redis: Redis): Promise<SeenWorker[]> {
  const records = Object.values(await redis.hgetall(WORKERS_KEY)).map(
    (text) => JSON.parse(text) as WorkerRecord,
  );
  const nowS = Date.now() / 1000;
  return records
    .toSorted((a, b) => (a.id < b.id ? -1 : 1))
    .map((record) => {
      const ageS = Math.max(0, nowS - record.last_heartbeat);
      return { record, ageS, status: ageS > OFFLINE_AFTER_S ? 'offline' : record.status };
    });
}

/** What is asked of nobody waits for somebody: better to say so. */
export async function warnWithoutWorkers(redis: Redis): Promise<void> {
  const fleet = await readFleet(redis);
  if (fleet.some(({ status }) => status === 'online')) return;
  process.stderr.write('No worker is online; waiting for one. Start one with: node dist/supervisor.js\n');
}
