import type { Queue } from 'bullmq';
import type { Redis } from 'ioredis';
import type { ApiProblem, JobSummary } from '../api/api.js';
import { isRecord, parseJson, textOf } from './untrusted.js';

/** Smaller data is read whole. Larger data holds images: only its stage and user are read, and only once. */
const MAX_DATA_BYTES = 16 * 1024;
/** The longest part of large data that is read for one field. */
const FIELD_BYTES = 2048;
/** Large jobs whose stage and user are remembered. */
const MAX_REMEMBERED = 5000;
const MAX_REASON_CHARS = 2000;

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
 * the fields, and the data if it is small. It runs in Redis so that no selfie travels.
 */
const READ_HEADS = `
local heads = {}
for i, key in ipairs(KEYS) do
  heads[i] = false
  if redis.call('TYPE', key).ok == 'hash' and redis.call('HEXISTS', key, 'timestamp') == 1 then
    local head = redis.call('HMGET', key, unpack(ARGV, 2))
    if redis.call('HSTRLEN', key, 'data') <= tonumber(ARGV[1]) then
      head[#ARGV] = redis.call('HGET', key, 'data') or ''
    end
    heads[i] = head
  end
end
return heads`;

/**
 * What follows the names of some fields in a job's data. In JSON, a name in quotes is never part of a longer text,
 * because quotes within a text are escaped. Base64 has no quotes, so the scan of an image is fast.
 */
const READ_FIELDS = `
local data = redis.call('HGET', KEYS[1], 'data') or ''
local found = {}
for i = 2, #ARGV do
  local name, from = '"' .. ARGV[i] .. '"', 1
  found[i - 1] = ''
  for _ = 1, 20 do
    local first, last = string.find(data, name, from, true)
    if first == nil then break end
    from = last + 1
    if string.find(data, '^%s*:', from) then
      found[i - 1] = string.sub(data, from, from + ARGV[1])
      break
    end
  end
end
return found`;

/** @returns the jobs that still exist, in the same order */
export async function readJobHeads(redis: Redis, queue: Queue, ids: readonly string[]): Promise<JobHead[]> {
  if (ids.length === 0) return [];
  const keys = ids.map((id) => queue.toKey(id));
  const replies = (await redis.eval(
    READ_HEADS,
    keys.length,
    ...keys,
    MAX_DATA_BYTES,
    ...FIELDS,
  )) as (Reply | null)[];
  return Promise.all(
    replies.flatMap((reply, i) => (reply === null ? [] : [headOf(redis, queue, ids[i] ?? '', reply)])),
  );
}

/** @returns `null` for an id that names no job */
export async function readJobHead(redis: Redis, queue: Queue, id: string): Promise<JobHead | null> {
  const [head = null] = await readJobHeads(redis, queue, [id]);
  return head;
}

type Reply = readonly (string | null)[];

async function headOf(redis: Redis, queue: Queue, id: string, reply: Reply): Promise<JobHead> {
  const of = (field: (typeof FIELDS)[number]): string | null => reply[FIELDS.indexOf(field)] ?? null;
  const data = reply[FIELDS.length] ?? null;
  const { stage, uid } =
    data === null ? await findWhere(redis, queue, id, of('timestamp') ?? '') : whereOf(parseJson(data));
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

/** Stage and user never change, and Redis copies all of a job's data for each look at it. */
const remembered = new WeakMap<Queue, Map<string, Where>>();

/** Finds the stage and the user in large data. */
async function findWhere(redis: Redis, queue: Queue, id: string, addedAt: string): Promise<Where> {
  const known = remembered.get(queue) ?? new Map<string, Where>();
  remembered.set(queue, known);
  // An id can be used again.
  const key = `${addedAt} ${id}`;
  const found = known.get(key);
  if (found !== undefined) return found;
  const [stage = '', folder = '', uid = ''] = (await redis.eval(
    READ_FIELDS,
    1,
    queue.toKey(id),
    FIELD_BYTES,
    'stage',
    'folder',
    'uid',
  )) as string[];
  const where = { stage: valueIn(stage) ?? valueIn(folder), uid: valueIn(uid) };
  known.set(key, where);
  const [oldest] = known.keys();
  if (known.size > MAX_REMEMBERED && oldest !== undefined) known.delete(oldest);
  return where;
}

/** The text after a field's name, if it is one. */
function valueIn(afterName: string): string | null {
  const [, text] = /^\s*:\s*("(?:[^"\\]|\\.)*")/.exec(afterName) ?? [];
  return text === undefined ? null : textOf(parseJson(text));
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
