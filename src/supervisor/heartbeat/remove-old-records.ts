import type { Redis } from 'ioredis';
import { messageOf } from '../../shared/errors.js';
import type { Logger } from '../../shared/logger.js';
import { WORKERS_KEY } from '../../shared/redis-keys.js';

const INTERVAL_MS = 3_600_000;

/** One script, so that a worker that comes back meanwhile keeps its record. KEYS: workers. ARGV: age in seconds. */
const REMOVE_SCRIPT = `
local limit = redis.call('TIME')[1] - ARGV[1]
local fields = redis.call('HGETALL', KEYS[1])
local removed = {}
for i = 1, #fields, 2 do
  local at = string.match(fields[i + 1], '"reported_at":(%d+)') or string.match(fields[i + 1], '"last_heartbeat":%s*(%d+)')
  if at and tonumber(at) < limit then
    redis.call('HDEL', KEYS[1], fields[i])
    removed[#removed + 1] = fields[i]
  end
end
return removed`;

/** @returns the ids of the removed workers */
export async function removeOldRecords(redis: Redis, olderThanS: number): Promise<string[]> {
  return (await redis.eval(REMOVE_SCRIPT, 1, WORKERS_KEY, olderThanS)) as string[];
}

/** Removes records of workers that are gone, now and every hour. Each supervisor does it for the whole fleet. */
export function createRecordRemoval(
  redis: Redis,
  olderThanS: number,
  logger: Logger,
): { start(): void; stop(): void } {
  let timer: NodeJS.Timeout | undefined;

  const remove = async (): Promise<void> => {
    if (redis.status !== 'ready') return;
    try {
      const workers = await removeOldRecords(redis, olderThanS);
      if (workers.length > 0) logger.info({ workers }, 'Removed the records of workers that are gone');
    } catch (error) {
      logger.warn(`Cannot remove old worker records: ${messageOf(error)}`);
    }
  };

  return {
    start: () => {
      if (olderThanS === 0) return;
      timer = setInterval(() => void remove(), INTERVAL_MS);
      void remove();
    },
    stop: () => clearInterval(timer),
  };
}
