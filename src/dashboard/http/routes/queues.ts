import type { Job, JobType, Queue } from 'bullmq';
import type { FastifyInstance } from 'fastify';
import type { JobDetails, JobState, QueueKind } from '../../api/api.js';
import { ApiError, notFound } from '../../api/api-error.js';
import { readJobHead, readJobHeads } from '../../jobs/job-head.js';
import { matchesOf, readState, withoutImages } from '../../jobs/job-view.js';
import { ANSWERS } from '../schemas.js';
import { findJob } from '../../jobs/searches.js';
import type { RouteContext } from './context.js';

const MAX_JOBS = 200;
const MAX_LOG_LINES = 1000;

/** BullMQ's names for these states. While a queue is paused, its waiting jobs are in the list `paused`. */
const TYPES: Readonly<Record<JobState, readonly JobType[]>> = {
  waiting: ['wait', 'paused', 'prioritized'],
  active: ['active'],
  waiting_children: ['waiting-children'],
  delayed: ['delayed'],
  completed: ['completed'],
  failed: ['failed'],
};

const kind = { type: 'string', enum: ['search', 'index'] };

interface OneJob {
  Params: { kind: QueueKind; id: string };
}
interface JobList {
  Params: { kind: QueueKind };
  Querystring: { state: JobState; start: number; count: number };
}

/** Looking after the queues: lists without pictures and results, and one job in full. */
export function addQueueRoutes(app: FastifyInstance, { queues, redis }: RouteContext): void {
  app.get<JobList>(
    '/api/queues/:kind/jobs',
    {
      schema: {
        summary: 'Jobs in a state, the newest first',
        tags: ['queues'],
        params: { type: 'object', properties: { kind } },
        querystring: {
          type: 'object',
          required: ['state'],
          properties: {
            state: { type: 'string', enum: Object.keys(TYPES) },
            start: { type: 'integer', minimum: 0, default: 0 },
            count: { type: 'integer', minimum: 1, maximum: MAX_JOBS, default: 50 },
          },
        },
        response: { 200: ANSWERS.jobs, 400: ANSWERS.failure },
      },
    },
    async ({ params, query: { state, start, count } }) => {
      const queue = queues[params.kind];
      const types = [...TYPES[state]];
      const [ids, total] = await Promise.all([
        queue.getRanges(types, start, start + count - 1),
        queue.getJobCountByTypes(...types),
      ]);
      const heads = await readJobHeads(redis, queue, ids.slice(0, count));
      return { jobs: heads.map((head) => ({ ...head, state })), total };
    },
  );

  const describe = async (queue: Queue, id: string): Promise<JobDetails> => {
    const state = await readState(queue, id);
    const [head, job, { logs }] = await Promise.all([
      readJobHead(redis, queue, id),
      findJob(queue, id),
      queue.getJobLogs(id, 0, MAX_LOG_LINES - 1),
    ]);
    if (head === null || state === null) throw notFound('The job has just gone.');
    const { stage, folder } = job.data as { stage?: string; folder?: string };
    return {
      ...head,
      // Here the data is at hand, however large it is.
      stage: stage ?? folder ?? null,
      state,
      data: withoutImages(job.data),
      log: logs,
      matches: matchesOf(job),
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
    one('A job with its log; a search with its result', { 200: ANSWERS.job }),
    ({ params }) => describe(queues[params.kind], params.id),
  );

  app.post<OneJob>(
    '/api/queues/:kind/jobs/:id/retry',
    one('Put a failed job back into the queue', { 202: ANSWERS.job }),
    async ({ params }, reply) => {
      const queue = queues[params.kind];
      const job = await findJob(queue, params.id);
      if ((await readState(queue, params.id)) !== 'failed')
        throw new ApiError(409, 'CONFLICT', 'Only a job that has failed can be tried again.');
      if (isWithoutSelfie(job)) {
        throw new ApiError(
          409,
          'CONFLICT',
          'Its selfie was removed when it ended (KEEP_SELFIES): the search has to be asked for anew.',
        );
      }
      await job.retry('failed');
      return reply.status(202).send(await describe(queue, params.id));
    },
  );

  app.delete<OneJob>(
    '/api/queues/:kind/jobs/:id',
    one('Remove a job that does not run', { 204: { type: 'null' } }),
    async ({ params }, reply) => {
      const queue = queues[params.kind];
      await findJob(queue, params.id);
      if ((await queue.remove(params.id, { removeChildren: false })) === 0) {
        throw new ApiError(409, 'CONFLICT', 'The job is running; cancel it instead.');
      }
      return reply.status(204).send();
    },
  );
}

function isWithoutSelfie(job: Job): boolean {
  const { image, images } = job.data as { image?: unknown; images?: unknown };
  return image === null || images === null;
}
