import type { Redis } from 'ioredis';
import type { ApiProblem } from './api.js';
import { ApiError, type FailureCode } from './api-error.js';

const AWAY = 'Redis is away; the dashboard shows the fleet again as soon as Redis is back.';

/** The start of an error that Redis answers, or of one inside an error of a script. */
const TROUBLES: readonly (readonly [RegExp, FailureCode, string])[] = [
  [
    /\bOOM command not allowed/,
    'REDIS_FULL',
    'Redis is full: it has reached maxmemory and refuses to write. Give it more memory, or delete what is not needed.',
  ],
  [/\bREADONLY\b/, 'REDIS_READONLY', 'This Redis is a replica and refuses to write. Connect to the primary.'],
  [
    /\bNOPERM\b|\bNOAUTH\b|\bWRONGPASS\b/,
    'REDIS_DENIED',
    'The Redis user of the dashboard has not the rights for this. The log of the dashboard names the command.',
  ],
  [
    /\bMISCONF\b/,
    'REDIS_READONLY',
    'Redis cannot save its data to disk and refuses to write. Check its log.',
  ],
  [/\b(LOADING|CLUSTERDOWN|MASTERDOWN|TRYAGAIN|BUSY)\b/, 'REDIS_AWAY', AWAY],
  [/^(Connection is closed|Socket timeout|Command aborted|connect ECONN)/, 'REDIS_AWAY', AWAY],
];

export function redisAway(): ApiProblem {
  return { code: 'REDIS_AWAY', message: AWAY };
}

/** @returns what is wrong with Redis, for a person; `null` for an error that does not come from it */
export function describeRedisTrouble(error: unknown): (ApiProblem & { readonly code: FailureCode }) | null {
  if (!(error instanceof Error)) return null;
  const [, code, message] = TROUBLES.find(([pattern]) => pattern.test(error.message)) ?? [];
  return code === undefined || message === undefined ? null : { code, message };
}

/**
 * While Redis is away a command would wait for it: the client learns that at once instead.
 *
 * @throws {ApiError} `REDIS_AWAY`
 */
export function refuseWithoutRedis(redis: Redis): void {
  if (redis.status !== 'ready') throw new ApiError(503, 'REDIS_AWAY', AWAY);
}
