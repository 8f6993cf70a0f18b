import type { Redis } from 'ioredis';
import type { ApiProblem } from './api.js';
import { ApiError } from './api-error.js';

const MESSAGE = 'Redis is away; the dashboard shows the fleet again as soon as it is back.';

export function redisAway(): ApiProblem {
  return { code: 'REDIS_AWAY', message: MESSAGE };
}

/**
 * Commands wait for a Redis that is away: a person, or a proxy with a timeout, rather hears of it.
 *
 * @throws {ApiError} `REDIS_AWAY`
 */
export function refuseWithoutRedis(redis: Redis): void {
  if (redis.status !== 'ready') throw new ApiError(503, 'REDIS_AWAY', MESSAGE);
}
