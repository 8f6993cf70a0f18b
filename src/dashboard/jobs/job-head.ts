import type { Queue } from 'bullmq';
import type { Redis } from 'ioredis';
import type { ApiProblem, JobState, JobSummary } from '../api/api.js';
import { isRecord, parseJson, textOf } from './untrusted.js';

/** Smaller data is read whole. Of larger data (selfies have megabytes) only the ends are read. */
const MAX_DATA_BYTES = 16 * 1024;
/** The portal writes `{ image, uid, stage, timestamp }`, our API writes the image last. */
const END_BYTES = 2048;
const MAX_REASON_CHARS = 2000;
/** A search has a face by now (docs/architecture.md): what delays it is its index, not a failed attempt. */
const PROGRESS_WITH_FACE = 20;

/** A job without its images, its result and its place in the queue. */
export type JobHead = Omit<JobSummary, 'state' | 'waiting_for_index'>;

/** The fields of a job's hash, as BullMQ names them in `Job.fromJSON`. */
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

/**
 * One reply a key: `false` for a key that is no job (BullMQ has keys such as `meta` and `events` beside the jobs'), or
 * the fields, the size of the data, and the data or its two ends. It runs in Redis so that no selfie travels.
 */
const READ_HEADS = `
local heads = {}
for i, key in ipairs(KEYS) do
  heads[i] = false
  if redis.call('TYPE', key).ok == 'hash' and redis.call('HEXISTS', key, 'timestamp') == 1 then
    local head = redis.call('HMGET', key, unpack(ARGV, 3))
    local data = redis.call('HGET', key, 'data') or ''
    head[#ARGV - 1] = #data
    if #data <= tonumber(ARGV[1]) then
      head[#ARGV] = data
    else
      head[#ARGV] = string.sub(data, 1, ARGV[2])
      head[#ARGV + 1] = string.sub(data, -ARGV[2])
    end
    heads[i] = head
  end
end
return heads`;

/** @returns the jobs that still exist, in the same order */
export async function readJobHeads(redis: Redis, queue: Queue, ids: readonly string[]): Promise<JobHead[]> {
  if (ids.length === 0) return [];
  const keys = ids.map((id) => queue.toKey(id));
  const replies = (await redis.eval(
    READ_HEADS,
    keys.length,
    ...keys,
    MAX_DATA_BYTES,
    END_BYTES,
    ...FIELDS,
  )) as (Reply | null)[];
  return replies.flatMap((reply, i) => (reply === null ? [] : [headOf(ids[i] ?? '', reply)]));
}

/** @returns `null` for an id that names no job */
export async function readJobHead(redis: Redis, queue: Queue, id: string): Promise<JobHead | null> {
  const [head = null] = await readJobHeads(redis, queue, [id]);
  return head;
}

export function isWaitingForIndex(state: JobState, { progress }: Pick<JobHead, 'progress'>): boolean {
  return state === 'waiting_children' || (state === 'delayed' && progress >= PROGRESS_WITH_FACE);
}

type Reply = readonly (string | number | null)[];

function headOf(id: string, reply: Reply): JobHead {
  const of = (field: (typeof FIELDS)[number]): string | null => {
    const value = reply[FIELDS.indexOf(field)];
    return typeof value === 'string' ? value : null;
  };
  const [data = '', end = null] = reply.slice(FIELDS.length + 1) as (string | undefined)[];
  const { stage, uid } = end === null ? whereOf(parseJson(data)) : findWhere(data, end);
  return {
    id,
    name: of('name') ?? '',
    stage,
    uid,
    progress: Math.min(100, Math.max(0, numberOf(of('progress')) ?? 0)),
    added_at: (numberOf(of('timestamp')) ?? 0) / 1000,
    started_at: secondsOf(of('processedOn')),
    ended_at: secondsOf(of('finishedOn')),
    attempts: numberOf(of('atm')) ?? 0,
    worker: of('pb'),
    error: problemOf(of('failedReason')),
  };
}

interface Where {
  readonly stage: string | null;
  readonly uid: string | null;
}

function whereOf(data: unknown): Where {
  if (!isRecord(data)) return { stage: null, uid: null };
  return { stage: textOf(data['stage'] ?? data['folder']), uid: textOf(data['uid']) };
}

/** Looks for the two fields in the ends of JSON that was not read whole. */
function findWhere(start: string, end: string): Where {
  const find = (field: string): string | null => {
    const pattern = new RegExp(`[{,]"${field}":("(?:[^"\\\\]|\\\\.){0,1000}")`);
    const [, text] = pattern.exec(end) ?? pattern.exec(start) ?? [];
    return text === undefined ? null : textOf(parseJson(text));
  };
  return { stage: find('stage'), uid: find('uid') };
}

function numberOf(text: string | null): number | null {
  const number = text === null || text === '' ? NaN : Number(text);
  return Number.isFinite(number) ? number : null;
}

function secondsOf(milliseconds: string | null): number | null {
  const number = numberOf(milliseconds);
  return number === null ? null : number / 1000;
}

/** The workers write `CODE: sentence`. Anything else is a fault of the machine. */
function problemOf(failedReason: string | null): ApiProblem | null {
  if (failedReason === null || failedReason === '') return null;
  const reason = failedReason.slice(0, MAX_REASON_CHARS);
  const [, code, message] = /^([A-Z]+(?:_[A-Z]+)*): (.*)$/s.exec(reason) ?? [];
  return code === undefined || message === undefined
    ? { code: 'FAILED', message: reason }
    : { code, message };
}
