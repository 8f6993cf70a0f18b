import type { JobState as BullState, JobType, Queue } from 'bullmq';
import type { Redis } from 'ioredis';
import type { JobState, QueueCounts, QueueKind } from '../api/api.js';

/** A search has a face by now (docs/architecture.md): what delays it is its index, not a failed attempt. */
const PROGRESS_WITH_FACE = 20;
/** Delayed jobs that are looked at for searches that wait for their index. */
const MAX_DELAYED = 1000;

/** While a queue is paused, BullMQ keeps its waiting jobs in the list `paused`. Older workers used `waiting-children`. */
const WAITING_TYPES = ['wait', 'paused', 'prioritized', 'waiting-children'] as const satisfies JobType[];

const STATES: Readonly<Record<BullState, JobState>> = {
  waiting: 'waiting',
  prioritized: 'waiting',
  active: 'active',
  'waiting-children': 'delayed',
  delayed: 'delayed',
  completed: 'completed',
  failed: 'failed',
};

/** @returns `null` for an id that names no job */
export async function readState(queue: Queue, id: string): Promise<JobState | null> {
  const state = await queue.getJobState(id);
  return state === 'unknown' ? null : STATES[state];
}

/** Whether a delayed job runs again as soon as its photos are indexed. Only searches wait for an index. */
export function isWaitingForIndex(kind: QueueKind, state: JobState, progress: number): boolean {
  return kind === 'search' && state === 'delayed' && progress >= PROGRESS_WITH_FACE;
}

export async function countJobs(redis: Redis, kind: QueueKind, queue: Queue): Promise<QueueCounts> {
  const [counts, forIndex] = await Promise.all([
    queue.getJobCounts(...WAITING_TYPES, 'active', 'delayed', 'completed', 'failed'),
    findWaitingForIndex(redis, kind, queue),
  ]);
  const of = (name: string): number => counts[name] ?? 0;
  return {
    waiting: of('wait') + of('paused') + of('prioritized'),
    waiting_for_index: of('waiting-children') + forIndex.length,
    active: of('active'),
    delayed: Math.max(0, of('delayed') - forIndex.length),
    completed: of('completed'),
    failed: of('failed'),
  };
}

interface JobIds {
  readonly ids: readonly string[];
  /** Of all pages. */
  readonly total: number;
  /** Those that wait for their index. */
  readonly forIndex: ReadonlySet<string>;
}

/**
 * Ids of jobs in a state, the newest first. Searches that wait for their index are `delayed` for BullMQ, but a person
 * looks for them among the waiting ones.
 */
export async function listJobIds(
  redis: Redis,
  kind: QueueKind,
  queue: Queue,
  { state, start, count }: { readonly state: JobState; readonly start: number; readonly count: number },
): Promise<JobIds> {
  if (state === 'waiting') {
    const forIndex = await findWaitingForIndex(redis, kind, queue);
    const page = await takeFrom([...(await listsOf(queue, WAITING_TYPES)), listOf(forIndex)], start, count);
    return { ...page, forIndex: new Set(forIndex) };
  }
  if (state === 'delayed') {
    const forIndex = new Set(await findWaitingForIndex(redis, kind, queue));
    const [delayed] = await listsOf(queue, ['delayed']);
    if (delayed === undefined) return { ids: [], total: 0, forIndex };
    const ids = await delayed.range(0, start + count + forIndex.size - 1);
    return {
      ids: ids.filter((id) => !forIndex.has(id)).slice(start, start + count),
      total: Math.max(0, delayed.length - forIndex.size),
      forIndex,
    };
  }
  return { ...(await takeFrom(await listsOf(queue, [state]), start, count)), forIndex: new Set() };
}

interface IdList {
  readonly length: number;
  /** Both inclusive. */
  range(first: number, last: number): Promise<readonly string[]>;
}

function listsOf(queue: Queue, types: readonly JobType[]): Promise<IdList[]> {
  return Promise.all(
    types.map(async (type) => ({
      length: await queue.getJobCountByTypes(type),
      range: (first: number, last: number) => queue.getRanges([type], first, last),
    })),
  );
}

function listOf(ids: readonly string[]): IdList {
  return { length: ids.length, range: async (first, last) => ids.slice(first, last + 1) };
}

/** A page of several lists, one after another. */
async function takeFrom(
  lists: readonly IdList[],
  start: number,
  count: number,
): Promise<{ ids: string[]; total: number }> {
  const ids: string[] = [];
  let before = 0;
  for (const list of lists) {
    const first = Math.max(0, start - before);
    const missing = count - ids.length;
    if (missing > 0 && first < list.length) ids.push(...(await list.range(first, first + missing - 1)));
    before += list.length;
  }
  return { ids, total: before };
}

const FIND_WAITING_FOR_INDEX = `
local found = {}
for _, id in ipairs(redis.call('ZREVRANGE', KEYS[1], 0, ARGV[2] - 1)) do
  local progress = tonumber(redis.pcall('HGET', ARGV[1] .. id, 'progress'))
  if progress and progress >= tonumber(ARGV[3]) then found[#found + 1] = id end
end
return found`;

async function findWaitingForIndex(redis: Redis, kind: QueueKind, queue: Queue): Promise<string[]> {
  if (kind !== 'search') return [];
  return (await redis.eval(
    FIND_WAITING_FOR_INDEX,
    1,
    queue.toKey('delayed'),
    queue.toKey(''),
    MAX_DELAYED,
    PROGRESS_WITH_FACE,
  )) as string[];
}
