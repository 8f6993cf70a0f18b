import type { Redis } from 'ioredis';
import { supervisorLeaseKey, WORKERS_KEY, workerPausedKey } from '../../shared/redis-keys.js';
import type { WorkerRecord } from '../../shared/worker-record.js';

/** A supervisor that does not renew its lease for this long loses it. */
export const LEASE_MS = 15_000;

/** The supervisor that holds a machine's lease. There is one lease per host name and Redis. */
export interface Holder {
  /** Unique for each start of a supervisor. */
  readonly bootId: string;
  readonly pid: number;
  /** Seconds since 1970. */
  readonly since: number;
}

export type BeatResult =
  /** Ids of the workers that are paused in Redis. */
  | { readonly kind: 'written'; readonly paused: ReadonlySet<string> }
  /** Nothing was written, because another supervisor holds the lease. */
  | { readonly kind: 'lease-lost'; readonly holder: Holder };

export interface MachineLease {
  /** Takes the lease if it is free. Otherwise returns the holder and the time until the lease expires. */
  take(): Promise<
    | { readonly kind: 'taken' }
    | { readonly kind: 'held'; readonly holder: Holder; readonly expiresInMs: number }
  >;
  /** Renews the lease, writes the records and reads the pause keys in one round trip. */
  beat(records: readonly WorkerRecord[]): Promise<BeatResult>;
  /** Writes the last records and releases the lease. */
  leave(records: readonly WorkerRecord[]): Promise<void>;
}

/**
 * One script, so that a supervisor that lost its lease can never overwrite its successor's records.
 * KEYS: lease, workers, pause keys. ARGV: holder, lease in ms (0 releases it), then id and record of each worker.
 */
const BEAT_SCRIPT = `
local holder = redis.call('GET', KEYS[1])
if holder and holder ~= ARGV[1] then return {0, holder} end
if ARGV[2] == '0' then
  redis.call('DEL', KEYS[1])
else
  redis.call('SET', KEYS[1], ARGV[1], 'PX', ARGV[2])
end
local reply = {1}
for i = 3, #KEYS do
  redis.call('HSET', KEYS[2], ARGV[2 * i - 3], ARGV[2 * i - 2])
  reply[i - 1] = redis.call('GET', KEYS[i]) or ''
end
return reply`;

export function createMachineLease(redis: Redis, hostname: string, self: Holder): MachineLease {
  const leaseKey = supervisorLeaseKey(hostname);
  const me = JSON.stringify(self);

  const run = async (leaseMs: number, records: readonly WorkerRecord[]): Promise<BeatResult> => {
    const keys = [leaseKey, WORKERS_KEY, ...records.map((record) => workerPausedKey(record.id))];
    const values = records.flatMap((record) => [record.id, JSON.stringify(record)]);
    const reply = (await redis.eval(BEAT_SCRIPT, keys.length, ...keys, me, leaseMs, ...values)) as [
      number,
      ...string[],
    ];
    const [written, ...rest] = reply;
    if (written === 0) return { kind: 'lease-lost', holder: JSON.parse(rest[0] ?? '{}') as Holder };
    return {
      kind: 'written',
      paused: new Set(records.filter((_, i) => rest[i] === '1').map((record) => record.id)),
    };
  };

  return {
    take: async () => {
      const taken = await redis.set(leaseKey, me, 'PX', LEASE_MS, 'NX');
      if (taken === 'OK') return { kind: 'taken' };
      const [held, expiresInMs] = await Promise.all([redis.get(leaseKey), redis.pttl(leaseKey)]);
      // The reply to an earlier attempt was lost with its connection.
      if (held === me) return { kind: 'taken' };
      // The lease expired between the two commands. The next attempt takes it.
      if (held === null) return { kind: 'held', holder: self, expiresInMs: 0 };
      return { kind: 'held', holder: JSON.parse(held) as Holder, expiresInMs: Math.max(0, expiresInMs) };
    },
    beat: (records) => run(LEASE_MS, records),
    leave: async (records) => {
      await run(0, records);
    },
  };
}
