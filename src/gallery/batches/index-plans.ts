import type { Queue } from 'bullmq';
import type { Redis } from 'ioredis';
import { indexPlanKeys } from '../../shared/redis-keys.js';

/** Kept for this long after its last change. Without workers a plan is forgotten, and made again by the next search. */
const EXPIRE_S = 86_400;

export interface IndexPlan {
  readonly photos: number;
  readonly donePhotos: number;
  /** Batches that have not ended. */
  readonly batchesLeft: number;
  /** Since a batch ended, or since the plan was made. */
  readonly idleS: number;
}

/** A plan that the end of a batch has changed. */
export interface ChangedPlan extends Pick<IndexPlan, 'photos' | 'donePhotos' | 'batchesLeft'> {
  /** Of the searches that wait for it. Once no batch is left, the plan forgets them. */
  readonly searchIds: readonly string[];
}

/**
 * Which stages are being indexed, in Redis: a plan is the set of a stage's batches that have not ended. It ends
 * with its last batch. Stages that overlap share batches, so a batch can belong to several plans.
 */
export interface IndexPlans {
  /** Of the model pack whose faces are wanted. */
  readonly packKey: string;
  /** @returns `null` if the stage has no plan. With `searchId`, that search is a waiting one from now on. */
  join(stage: string, searchId?: string): Promise<IndexPlan | null>;
  /** @returns `false` if the stage has a plan already; nothing is changed then */
  begin(stage: string, batchIds: readonly string[], photos: number): Promise<boolean>;
  /**
   * Takes a batch out of all plans, and puts others in its place.
   *
   * @param photos of the batch that are done; those of its replacements are not
   */
  end(batchId: string, photos: number, replacedBy?: readonly string[]): Promise<ChangedPlan[]>;
  /** Ids of the batches that a stage's plan waits for. */
  batchIds(stage: string): Promise<string[]>;
}

const JOIN = `
local left = redis.call('SCARD', KEYS[2])
if left == 0 then return {} end
if ARGV[1] ~= '' then
  redis.call('SADD', KEYS[3], ARGV[1])
  redis.call('EXPIRE', KEYS[3], ARGV[2])
end
local plan = redis.call('HMGET', KEYS[1], 'photos', 'done', 'changed')
local idle = tonumber(redis.call('TIME')[1]) - (tonumber(plan[3]) or 0)
return { tonumber(plan[1]) or 0, tonumber(plan[2]) or 0, left, math.max(0, idle) }
`;

const BEGIN = `
if redis.call('SCARD', KEYS[3]) > 0 then return 0 end
redis.call('SADD', KEYS[1], ARGV[1])
redis.call('HSET', KEYS[2], 'photos', ARGV[3], 'done', 0, 'changed', redis.call('TIME')[1])
for i = 4, #ARGV do redis.call('SADD', KEYS[3], ARGV[i]) end
for i = 1, 3 do redis.call('EXPIRE', KEYS[i], ARGV[2]) end
return 1
`;

const END = `
local changed = {}
for _, name in ipairs(redis.call('SMEMBERS', KEYS[1])) do
  local plan, batches, searches = ARGV[1] .. name, ARGV[2] .. name, ARGV[3] .. name
  if redis.call('SREM', batches, ARGV[5]) == 1 then
    for i = 7, #ARGV do redis.call('SADD', batches, ARGV[i]) end
    local done = redis.call('HINCRBY', plan, 'done', ARGV[6])
    redis.call('HSET', plan, 'changed', redis.call('TIME')[1])
    redis.call('EXPIRE', plan, ARGV[4])
    redis.call('EXPIRE', batches, ARGV[4])
    local photos = tonumber(redis.call('HGET', plan, 'photos')) or 0
    local left = redis.call('SCARD', batches)
    changed[#changed + 1] = { photos, done, left, redis.call('SMEMBERS', searches) }
  end
  if redis.call('EXISTS', batches) == 0 then
    redis.call('SREM', KEYS[1], name)
    -- A search that waits for the next plan of the stage joins that one.
    redis.call('DEL', plan, searches)
  end
end
return changed
`;

/** @param packKey of the model pack whose faces are wanted */
export function createIndexPlans(
  redis: Redis,
  indexQueue: Pick<Queue, 'toKey'>,
  packKey: string,
): IndexPlans {
  const keys = indexPlanKeys(indexQueue.toKey(''));
  const nameOf = (stage: string): string => `${packKey}:${stage}`;

  return {
    packKey,
    join: async (stage, searchId = '') => {
      const name = nameOf(stage);
      const reply = await redis.eval(
        JOIN,
        3,
        keys.plan + name,
        keys.batches + name,
        keys.searches + name,
        searchId,
        EXPIRE_S,
      );
      const [photos, donePhotos, batchesLeft, idleS] = reply as number[];
      if (photos === undefined) return null;
      return { photos, donePhotos: donePhotos ?? 0, batchesLeft: batchesLeft ?? 0, idleS: idleS ?? 0 };
    },
    begin: async (stage, batchIds, photos) => {
      const name = nameOf(stage);
      const begun = await redis.eval(
        BEGIN,
        3,
        keys.plans,
        keys.plan + name,
        keys.batches + name,
        name,
        EXPIRE_S,
        photos,
        ...batchIds,
      );
      return begun === 1;
    },
    end: async (batchId, photos, replacedBy = []) => {
      const reply = await redis.eval(
        END,
        1,
        keys.plans,
        keys.plan,
        keys.batches,
        keys.searches,
        EXPIRE_S,
        batchId,
        photos,
        ...replacedBy,
      );
      return (reply as [number, number, number, string[]][]).map(([all, done, batchesLeft, searchIds]) => ({
        photos: all,
        donePhotos: done,
        batchesLeft,
        searchIds,
      }));
    },
    batchIds: (stage) => redis.smembers(keys.batches + nameOf(stage)),
  };
}
