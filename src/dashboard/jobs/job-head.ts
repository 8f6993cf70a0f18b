import type { Queue } from 'bullmq';
import type { Redis } from 'ioredis';
import type { ApiProblem, JobSummary } from '../api/api.js';

/** A job's data is read for a list only where no picture can be in it: selfies have megabytes, and lists have many jobs. */
const MAX_DATA_BYTES = 16 * 1024;

/** What is known of a job without its pictures, its result, and where it is in the queue. */
export type JobHead = Omit<JobSummary, 'state'>;

/** As BullMQ keeps them in a job's hash (its `Job.fromJSON` and `rawToJson`). */
const FIELDS = [
  'name',
  'timestamp',
  'processedOn',
  'finishedOn',
  'atm',
  'pb',
  'progress',
  'failedReason',
] as const;

/** @returns those that are still there, in the same order */
export async function readJobHeads(redis: Redis, queue: Queue, ids: readonly string[]): Promise<JobHead[]> {
  const fields = redis.pipeline();
  for (const id of ids) {
    fields.hmget(queue.toKey(id), ...FIELDS);
    fields.hstrlen(queue.toKey(id), 'data');
  }
  const replies = await resultsOf(fields);
  const small = redis.pipeline();
  for (const [i, id] of ids.entries()) {
    // An empty field where the data is too large: the replies stay in step.
    small.hget(queue.toKey(id), Number(replies[2 * i + 1]) <= MAX_DATA_BYTES ? 'data' : '');
  }
  const data = await resultsOf(small);
  return ids.flatMap((id, i) => {
    const values = replies[2 * i] as (string | null)[];
    const raw = Object.fromEntries(FIELDS.map((field, f) => [field, values[f] ?? null])) as RawHead;
    return raw.timestamp === null ? [] : [headOf(id, raw, data[i] as string | null)];
  });
}

export async function readJobHead(redis: Redis, queue: Queue, id: string): Promise<JobHead | null> {
  const [head = null] = await readJobHeads(redis, queue, [id]);
  return head;
}

type RawHead = Readonly<Record<(typeof FIELDS)[number], string | null>>;

function headOf(id: string, raw: RawHead, data: string | null): JobHead {
  const { stage, folder } = (data === null ? {} : JSON.parse(data)) as { stage?: unknown; folder?: unknown };
  const where = stage ?? folder;
  const progress = Number(raw.progress);
  return {
    id,
    name: raw.name ?? '',
    stage: typeof where === 'string' ? where : null,
    progress: Number.isFinite(progress) ? progress : 0,
    added_at: Number(raw.timestamp) / 1000,
    started_at: raw.processedOn === null ? null : Number(raw.processedOn) / 1000,
    ended_at: raw.finishedOn === null ? null : Number(raw.finishedOn) / 1000,
    attempts: Number(raw.atm ?? 0),
    worker: raw.pb,
    error: problemOf(raw.failedReason),
  };
}

/** `CODE: sentence`, as the workers write it; anything else is the machine's fault. */
function problemOf(failedReason: string | null): ApiProblem | null {
  if (failedReason === null || failedReason === '') return null;
  const [, code, message] = /^([A-Z]+(?:_[A-Z]+)*): (.*)$/s.exec(failedReason) ?? [];
  return code === undefined || message === undefined
    ? { code: 'FAILED', message: failedReason }
    : { code, message };
}

async function resultsOf(pipeline: ReturnType<Redis['pipeline']>): Promise<unknown[]> {
  const replies = (await pipeline.exec()) ?? [];
  return replies.map(([error, value]) => {
    if (error !== null) throw error;
    return value;
  });
}
