import { randomUUID } from 'node:crypto';
import type { Queue } from 'bullmq';
import type { Redis } from 'ioredis';
import { cancelJob } from '../../shared/cancel-job.js';
import { parseSearchJob } from '../../shared/job.js';
import type { Search } from '../api/api.js';
import { ApiError, notFound } from '../api/api-error.js';
import { readJobHead } from './job-head.js';
import { isWaitingForIndex, readState } from './job-states.js';
import { detailsOf } from './search-details.js';
import { matchesOf, readJobContent } from './job-view.js';

/** A result can be fetched for an hour, a failure for a day. */
const KEEP_RESULT_S = 3600;
const KEEP_FAILURE_S = 86_400;
const MAX_UID_CHARS = 200;
/** The portal's page needs a text here of every job. */
const NO_UID = 'dashboard';

/** The fields that a search may have; all others are left out, so that nothing else gets into the queue. */
const FIELDS = ['gallery', 'threshold', 'limit', 'boxes', 'details', 'expand', 'image', 'images'] as const;

/** Where searches are. */
export interface SearchPlace {
  readonly queue: Queue;
  readonly redis: Redis;
}

/**
 * Adds a search as the portal does. A user (`uid`) has one search at a time; searches that the portal adds to the queue
 * itself do not count.
 *
 * @param request the fields of a job, see the README
 * @throws {JobError} `INVALID_JOB`
 * @throws {ApiError} `SEARCH_RUNNING`
 */
export async function addSearch(
  place: SearchPlace,
  request: Readonly<Record<string, unknown>>,
): Promise<Search> {
  parseSearchJob(request);
  const uid = uidOf(request['uid']);
  const { stage } = request;
  const data = {
    uid: uid ?? NO_UID,
    stage: typeof stage === 'string' ? stage : '',
    timestamp: Date.now(),
    boxes: true,
    details: true,
    ...Object.fromEntries(
      FIELDS.flatMap((field) => (request[field] === undefined ? [] : [[field, request[field]]])),
    ),
  };
  const id = randomUUID();
  const job = await place.queue.add('process-face', data, {
    jobId: id,
    attempts: 3,
    backoff: { type: 'exponential', delay: 1000 },
    removeOnComplete: { age: KEEP_RESULT_S },
    removeOnFail: { age: KEEP_FAILURE_S },
    ...(uid !== null && { deduplication: { id: `uid-${uid}` } }),
  });
  if (job.id !== id) {
    throw new ApiError(
      409,
      'SEARCH_RUNNING',
      'This user already has a search; wait until it has ended, or cancel it.',
    );
  }
  return readSearch(place, id);
}

/** @throws {ApiError} `BAD_REQUEST` */
function uidOf(uid: unknown): string | null {
  if (uid === undefined || uid === null || uid === '') return null;
  const text = typeof uid === 'number' && Number.isFinite(uid) ? String(uid) : uid;
  if (typeof text === 'string' && text.length <= MAX_UID_CHARS) return text;
  throw new ApiError(400, 'BAD_REQUEST', `"uid" must be a text of at most ${MAX_UID_CHARS} characters.`);
}

/** @throws {ApiError} `NOT_FOUND` */
export async function readSearch(place: SearchPlace, id: string): Promise<Search> {
  const { queue, redis } = place;
  // The state first: a head that was read before the job failed has no reason yet.
  const state = await readState(queue, id);
  const head = await readJobHead(redis, queue, id);
  if (head === null || state === null) throw gone();
  const { progress, stage, added_at, started_at, ended_at, error } = head;
  const content = state === 'completed' ? await readJobContent(redis, queue, id) : null;
  return {
    id,
    state,
    waiting_for_index: isWaitingForIndex('search', state, progress),
    progress,
    position: state === 'waiting' ? await readPosition(place, id) : null,
    stage,
    added_at,
    started_at,
    ended_at,
    matches: content === null ? null : matchesOf(id, content),
    details: content === null ? null : detailsOf(content.result),
    error: state === 'failed' ? error : null,
  };
}

/**
 * Cancels a search: one that runs fails as `CANCELLED`, one that waits is removed.
 *
 * @throws {ApiError} `NOT_FOUND`, `CONFLICT` for one that has ended, or that ends at this moment
 */
export async function cancelSearch({ queue, redis }: SearchPlace, id: string): Promise<void> {
  switch (await cancelJob(queue, redis, id)) {
    case 'cancelled':
      return;
    case 'missing':
      throw gone();
    case 'ended':
      throw new ApiError(409, 'CONFLICT', 'The search has already ended.');
    case 'ending':
      throw new ApiError(
        409,
        'CONFLICT',
        'The search is about to end. If it is tried again, cancel it then.',
      );
  }
}

/** Workers take from the tail of the list; 1 is next. `null` for a job with a priority, or one taken just now. */
async function readPosition({ queue, redis }: SearchPlace, id: string): Promise<number | null> {
  // The second list holds the jobs while the queue is paused.
  for (const list of ['wait', 'paused']) {
    const key = queue.toKey(list);
    const [index, length] = await Promise.all([redis.lpos(key, id), redis.llen(key)]);
    if (index !== null) return Math.max(1, length - index);
  }
  return null;
}

export function gone(): ApiError {
  return notFound('There is no job with this id; results of searches are kept for an hour.');
}
