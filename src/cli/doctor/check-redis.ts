import type { Redis } from 'ioredis';
import { describeOptOutGap } from '../../gallery/store/opt-out-gap.js';
import { createOptOuts } from '../../gallery/store/opt-outs.js';
import type { Config } from '../../shared/config.js';
import { messageOf } from '../../shared/errors.js';
import { findModelPack, packKey } from '../../shared/model-pack.js';
import { redisAddress } from '../../shared/open-redis.js';
import { checkRedis, type RedisFinding } from '../../shared/redis-check.js';
import { connectRedis } from '../connect.js';
import { withDeadline } from '../../shared/deadline.js';
import { type Check, checksOf } from './check.js';

const TIMEOUT_MS = 10_000;
/** Readers such as the portal compare a worker's heartbeat with their own clock, and call it offline after 15 s. */
const MAX_CLOCK_DIFFERENCE_S = 2;

const { ok, warning, error } = checksOf('Redis');

/** A worker waits until these are over; until then it takes no jobs. */
const KEEPS_JOBS_WAITING: ReadonlySet<RedisFinding['code']> = new Set([
  'RIGHTS_MISSING',
  'READ_ONLY',
  'IS_A_CLUSTER',
  'TOO_OLD',
]);

/** The connection, its server, the rights of its user, the clock, and whether opt-outs apply to this machine's pack. */
export async function checkRedisAndClock(config: Config): Promise<Check[]> {
  let redis: Redis | null = null;
  try {
    redis = await connectRedis(config);
    const checks = Promise.all([
      checkServer(redis, config),
      checkClock(redis),
      checkOptOuts(redis, config.engine),
    ]);
    return (
      await withDeadline(
        checks,
        TIMEOUT_MS,
        () => new Error(`Redis does not answer within ${TIMEOUT_MS / 1000} s.`),
      )
    ).flat();
  } catch (cause) {
    return [error(messageOf(cause))];
  } finally {
    redis?.disconnect();
  }
}

async function checkServer(redis: Redis, config: Config): Promise<Check[]> {
  const findings = await checkRedis(redis, { prefix: config.queue.prefix });
  if (findings.length > 0) {
    return findings.map(({ code, sentence }) =>
      KEEPS_JOBS_WAITING.has(code) ? error(sentence) : warning(sentence),
    );
  }
  const version = /^redis_version:(\S+)/m.exec(await redis.info('server'))?.[1] ?? 'of unknown version';
  return [ok(`${version} at ${redisAddress(config.redis)}: rights, role and memory policy are right.`)];
}

async function checkClock(redis: Redis): Promise<Check[]> {
  const clock = checksOf('clock');
  const before = Date.now();
  const time = await redis.time().catch(() => null);
  // Without the right to run TIME, the check of the rights says so.
  if (time === null) return [];
  return [describeDifference(secondsBehind(before, Date.now(), time), clock)];
}

async function checkOptOuts(
  redis: Redis,
  { modelPack, modelsDir, galleryUpright }: Config['engine'],
): Promise<Check[]> {
  // Other checks report a missing pack, and a missing right.
  const [pack, entries] = await Promise.all([
    findModelPack(modelPack, modelsDir).catch(() => null),
    createOptOuts(redis)
      .list()
      .catch(() => []),
  ]);
  const gap = pack === null ? null : describeOptOutGap(entries, packKey(pack, galleryUpright));
  return gap === null ? [] : [checksOf('opt-outs').warning(gap)];
}

/** How far this machine is behind Redis, if the answer took as long as the request. */
export function secondsBehind(
  beforeMs: number,
  afterMs: number,
  [seconds, microseconds]: readonly (number | string)[],
): number {
  return Number(seconds) + Number(microseconds) / 1e6 - (beforeMs + afterMs) / 2000;
}

export function describeDifference(
  behindS: number,
  { ok: right, warning: wrong } = checksOf('clock'),
): Check {
  const differenceS = Math.abs(behindS);
  if (differenceS <= MAX_CLOCK_DIFFERENCE_S)
    return right(`${differenceS.toFixed(1)} s from the clock of Redis.`);
  return wrong(
    `This machine is ${differenceS.toFixed(1)} s ${behindS > 0 ? 'behind' : 'ahead of'} the machine of Redis: synchronise both with NTP (timedatectl set-ntp true).`,
  );
}
