import type { Redis } from 'ioredis';
import type { ProcessIdentity } from './process-identity.js';
import { readKeys } from '../../shared/redis-keyspace.js';
import { supervisorLeaseKey, WORKERS_KEY, workerPausedKey } from '../../shared/redis-keys.js';
import { canTakeJobs, type WorkerReport } from '../../shared/worker-record.js';

/** A supervisor that does not renew its lease for this long loses it. */
export const LEASE_MS = 15_000;

/** The supervisor that holds a machine's lease. There is one lease per host name and Redis. */
export interface Holder {
  /** Unique for each start of a supervisor. */
  readonly bootId: string;
  readonly pid: number;
  /** Seconds since 1970. */
  readonly since: number;
  /** Missing if the system does not tell, and in leases of older releases. */
  readonly process?: ProcessIdentity;
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
  /** Takes the lease from a holder that is known to be dead. Does nothing if it has another holder by now. */
  takeFrom(holder: Holder): Promise<void>;
  /** Renews the lease, writes the records and reads the pause keys in one round trip. */
  beat(records: readonly WorkerReport[]): Promise<BeatResult>;
  /** Writes the last records and releases the lease. */
  leave(records: readonly WorkerReport[]): Promise<void>;
}

/**
 * One script, so that a supervisor that lost its lease can never overwrite its successor's records.
 * It adds the times to the records, because clocks of machines differ. Text, not cjson: cjson turns [] into {}.
 * KEYS: lease, workers. ARGV: holder, lease in ms (0 releases it), then of each worker its id, its record as
 * JSON, and 1 if it can take jobs.
 */
const BEAT_SCRIPT = `
local holder = redis.call('GET', KEYS[1])
if holder and holder ~= ARGV[1] then return {0, holder} end
if ARGV[2] == '0' then
  redis.call('DEL', KEYS[1])
else
  redis.call('SET', KEYS[1], ARGV[1], 'PX', ARGV[2])
end
local now = redis.call('TIME')[1]
for i = 3, #ARGV, 3 do
  local id, record, good = ARGV[i], ARGV[i + 1], ARGV[i + 2]
  local heartbeat = now
  if good ~= '1' then
    local before = redis.call('HGET', KEYS[2], id) or ''
    heartbeat = string.match(before, '"last_heartbeat":(%d+)') or '0'
  end
  record = string.format('{"last_heartbeat":%s,"reported_at":%s,', heartbeat, now) .. string.sub(record, 2)
  redis.call('HSET', KEYS[2], id, record)
end
return {1}`;

/** KEYS: lease. ARGV: the dead holder, the new holder, lease in ms. */
const TAKE_OVER_SCRIPT = `
local holder = redis.call('GET', KEYS[1])
if holder and cjson.decode(holder).bootId == ARGV[1] then redis.call('SET', KEYS[1], ARGV[2], 'PX', ARGV[3]) end`;

export function createMachineLease(redis: Redis, hostname: string, self: Holder): MachineLease {
  const leaseKey = supervisorLeaseKey(hostname);
  const me = JSON.stringify(self);

  const run = async (leaseMs: number, records: readonly WorkerReport[]): Promise<BeatResult> => {
    const values = records.flatMap((record) => [
      record.id,
      JSON.stringify(record),
      canTakeJobs(record.status) ? '1' : '0',
    ]);
    const pauseKeys = records.map((record) => workerPausedKey(record.id));
    const [reply, paused] = await Promise.all([
      redis.eval(BEAT_SCRIPT, 2, leaseKey, WORKERS_KEY, me, leaseMs, ...values),
      readKeys(redis, pauseKeys),
    ]);
    const [written, holder] = reply as [number, string?];
    if (written === 0) return { kind: 'lease-lost', holder: JSON.parse(holder ?? '{}') as Holder };
    return {
      kind: 'written',
      paused: new Set(records.filter((_, i) => paused[i] === '1').map((record) => record.id)),
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
    takeFrom: async (holder) => {
      await redis.eval(TAKE_OVER_SCRIPT, 1, leaseKey, holder.bootId, me, LEASE_MS);
    },
    beat: (records) => run(LEASE_MS, records),
    leave: async (records) => {
      await run(0, records);
    },
  };
}
