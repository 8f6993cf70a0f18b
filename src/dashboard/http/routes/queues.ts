import type { Job, Queue } from 'bullmq';
import type { FastifyInstance } from 'fastify';
import type { JobDetails, JobState, QueueKind } from '../../api/api.js';
import { ApiError } from '../../api/api-error.js';
import { type JobHead, readJobHead, readJobHeads } from '../../jobs/job-head.js';
import { isWaitingForIndex, listJobIds, readState } from '../../jobs/job-states.js';
import { matchesOf, readJobContent, withoutImages } from '../../jobs/job-view.js';
import { detailsOf } from '../../jobs/search-details.js';
import { gone } from '../../jobs/searches.js';
import { isRecord } from '../../jobs/untrusted.js';
import { ANSWERS } from '../schemas.js';
import type { RouteContext } from './context.js';

const MAX_JOBS = 200;
/** Redis refuses larger indices; no list is that long. */
const MAX_START = 10_000_000;
const MAX_LOG_LINES = 1000;

const STATES: readonly JobState[] = ['waiting', 'active', 'delayed', 'completed', 'failed'];

const kind = { type: 'string', enum: ['search', 'index'] };

interface OneJob {
  Params: { kind: QueueKind; id: string };
}
interface JobList {
  Params: { kind: QueueKind };
  Querystring: { state: JobState; start: number; count: number };
}

/** Lists of jobs without images and results, and one job with its log and result. */
export function addQueueRoutes(app: FastifyInstance, { queues, redis, guard }: RouteContext): void {
  app.get<JobList>(
    '/api/queues/:kind/jobs',
    {
      schema: {
        summary: 'List the jobs in a state, the newest first',
        tags: ['queues'],
        params: { type: 'object', properties: { kind } },
        querystring: {
          type: 'object',
          required: ['state'],
          properties: {
            state: { type: 'string', enum: STATES },
            start: { type: 'integer', minimum: 0, maximum: MAX_START, default: 0 },
            count: { type: 'integer', minimum: 1, maximum: MAX_JOBS, default: 50 },
          },
        },
        response: { 200: ANSWERS.jobs, 400: ANSWERS.failure },
      },
    },
    async ({ params: { kind: of }, query }) => {
      const queue = queues[of];
      const { ids, total, forIndex } = await listJobIds(redis, of, queue, query);
      const heads = await readJobHeads(redis, queue, ids);
      return {
        jobs: heads.map((head) => {
          const isForIndex = forIndex.has(head.id);
          return { ...head, state: isForIndex ? 'delayed' : query.state, waiting_for_index: isForIndex };
        }),
        total,
      };
    },
  );

  /** BullMQ would take other keys of the queue for jobs. @throws {ApiError} `NOT_FOUND` */
  const requireJob = async (queue: Queue, id: string): Promise<{ head: JobHead; state: JobState }> => {
    const head = await readJobHead(redis, queue, id);
    const state = head === null ? null : await readState(queue, id);
    if (head === null || state === null) throw gone();
    return { head, state };
  };

  const describe = async (of: QueueKind, id: string): Promise<JobDetails> => {
    const queue = queues[of];
    const { head, state } = await requireJob(queue, id);
    const [content, { logs }] = await Promise.all([
      readJobContent(redis, queue, id),
      queue.getJobLogs(id, 0, MAX_LOG_LINES - 1),
    ]);
    return {
      ...head,
      state,
      waiting_for_index: isWaitingForIndex(of, state, head.progress),
      data: withoutImages(content.data),
      log: logs,
      matches: matchesOf(id, content),
      details: detailsOf(content.result),
    };
  };

  const one = (summary: string, response: object) => ({
    schema: {
      summary,
      tags: ['queues'],
      params: { type: 'object', properties: { kind, id: { type: 'string' } } },
      response: { ...response, 404: ANSWERS.failure, 409: ANSWERS.failure },
    },
  });

  app.get<OneJob>(
    '/api/queues/:kind/jobs/:id',
    one('Get a job with its log, and a search with its result', { 200: ANSWERS.job }),
    async (request) => {
      const { kind: of, id } = request.params;
      const job = await describe(of, id);
      // A read-only token does not see in which photos a person was found.
      return guard.identify(request) === 'read' ? { ...job, matches: null, details: null } : job;
    },
  );

  app.post<OneJob>(
    '/api/queues/:kind/jobs/:id/retry',
    one('Put a failed job back into the queue', { 202: ANSWERS.job }),
    async ({ params: { kind: of, id } }, reply) => {
      const queue = queues[of];
      const { state } = await requireJob(queue, id);
      if (state !== 'failed') throw new ApiError(409, 'CONFLICT', 'Only a failed job can be retried.');
      const { data } = await readJobContent(redis, queue, id);
      if (of === 'search' && isWithoutSelfie(data)) {
        throw new ApiError(
          409,
          'CONFLICT',
          'The selfie of this search has been deleted; upload it again in a new search.',
        );
      }
      await (await findJob(queue, id)).retry('failed');
      return reply.status(202).send(await describe(of, id));
    },
  );

  app.delete<OneJob>(
    '/api/queues/:kind/jobs/:id',
    one('Remove a job that is not running', { 204: { type: 'null' } }),
    async ({ params: { kind: of, id } }, reply) => {
      const queue = queues[of];
      await requireJob(queue, id);
      if ((await queue.remove(id)) === 0) {
        throw new ApiError(409, 'CONFLICT', 'The job is running; cancel it instead.');
      }
      return reply.status(204).send();
    },
  );
}

async function findJob(queue: Queue, id: string): Promise<Job> {
  const job = await queue.getJob(id);
  if (job === undefined) throw gone();
  return job;
}

function isWithoutSelfie(data: unknown): boolean {
  return !isRecord(data) || ((data['image'] ?? null) === null && (data['images'] ?? null) === null);
}
