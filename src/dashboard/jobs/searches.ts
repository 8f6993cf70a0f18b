import { randomUUID } from 'node:crypto';
import type { Job, Queue } from 'bullmq';
import type { Redis } from 'ioredis';
import { parseSearchJob } from '../../shared/job.js';
import { cancelChannel } from '../../shared/redis-keys.js';
import type { Search } from '../api/api.js';
import { ApiError, notFound } from '../api/api-error.js';
import { readJobHead } from './job-head.js';
import { matchesOf, readState } from './job-view.js';

/** A result can be fetched for an hour, a failure looked at for a day. */
const KEEP_RESULT_S = 3600;
const KEEP_FAILURE_S = 86_400;

/** Where searches live. */
export interface SearchPlace {
  readonly queue: Queue;
  readonly redis: Redis;
}

/**
 * Adds a search as the portal does. A user (`uid`) has one search at a time; one that the portal has added to the queue
 * itself is not known here.
 *
 * @param data as in the README
 * @throws {JobError} `INVALID_JOB`
 * @throws {ApiError} `SEARCH_RUNNING`
 */
export async function addSearch(
  place: SearchPlace,
  data: Readonly<Record<string, unknown>>,
): Promise<Search> {
  parseSearchJob(data);
  const { uid } = data;
  const id = randomUUID();
  const job = await place.queue.add('search', data, {
    jobId: id,
    attempts: 3,
    backoff: { type: 'exponential', delay: 1000 },
    removeOnComplete: { age: KEEP_RESULT_S },
    removeOnFail: { age: KEEP_FAILURE_S },
    ...(isUserId(uid) && { deduplication: { id: `uid-${uid}` } }),
  });
  if (job.id !== id) {
    throw new ApiError(
      409,
      'SEARCH_RUNNING',
      'A search of this user is running already; wait for its end, or cancel it.',
    );
  }
  return readSearch(place, id);
}

/** @throws {ApiError} `NOT_FOUND` */
export async function readSearch(place: SearchPlace, id: string): Promise<Search> {
  const { queue, redis } = place;
  // In this order: a head that was read before the job's end would lack the reason of its failure.
  const state = await readState(queue, id);
  const head = await readJobHead(redis, queue, id);
  if (head === null || state === null) throw gone();
  const { progress, stage, added_at, started_at, ended_at, error } = head;
  return {
    id,
    state,
    progress,
    position: state === 'waiting' ? await readPosition(place, id) : null,
    stage,
    added_at,
    started_at,
    ended_at,
    // Only now is there more to be read than the head.
    matches: state === 'completed' ? matchesOf(await findJob(queue, id)) : null,
    error: state === 'failed' ? error : null,
  };
}

/**
 * Ends a search: one that runs fails as `CANCELLED`, one that waits is gone.
 *
 * @throws {ApiError} `NOT_FOUND`, `CONFLICT` for one that has ended
 */
export async function cancelSearch({ queue, redis }: SearchPlace, id: string): Promise<void> {
  const state = await readState(queue, id);
  switch (state) {
    case null:
      throw gone();
    case 'completed':
    case 'failed':
      throw new ApiError(409, 'CONFLICT', 'The search has ended already.');
    case 'active':
      await redis.publish(cancelChannelOf(queue, redis), id);
      return;
    case 'waiting':
    case 'waiting_children':
    case 'delayed':
      // Photos that it had the fleet index are of use to the next search.
      if ((await queue.remove(id, { removeChildren: false })) === 1) return;
      // A worker has taken it just now.
      await redis.publish(cancelChannelOf(queue, redis), id);
  }
}

function cancelChannelOf(queue: Queue, redis: Redis): string {
  return cancelChannel(queue.name, { db: redis.options.db ?? 0, prefix: queue.opts.prefix ?? 'bull' });
}

/** With all its data, and its result. @throws {ApiError} `NOT_FOUND` */
export async function findJob(queue: Queue, id: string): Promise<Job> {
  const job = await queue.getJob(id);
  if (job === undefined) throw gone();
  return job;
}

/** Workers take from the tail of the list; 1 is next. `null` once it has been taken, or where it has a priority. */
async function readPosition({ queue, redis }: SearchPlace, id: string): Promise<number | null> {
  const key = queue.toKey('wait');
  const [index, length] = await Promise.all([redis.lpos(key, id), redis.llen(key)]);
  return index === null ? null : Math.max(1, length - index);
}

function isUserId(uid: unknown): uid is string | number {
  return (typeof uid === 'string' && uid !== '') || typeof uid === 'number';
}

function gone(): ApiError {
  return notFound('There is no job of this id; results of searches are kept for an hour.');
}
