import { createBullBoard } from '@bull-board/api';
import { BullMQAdapter } from '@bull-board/api/bullMQAdapter';
import { FastifyAdapter } from '@bull-board/fastify';
import type { FastifyInstance } from 'fastify';
import { ApiError } from '../../api/api-error.js';
import type { Queues } from '../../fleet/fleet-moment.js';
import { withoutImages } from '../../jobs/job-view.js';
import { isRecord } from '../../jobs/untrusted.js';

export const BOARD_PATH = '/board';

/** The board's page loads fonts from Google. Without them it uses those of the system. */
const FOREIGN_LINKS = /<link[^>]*\shref="https?:[^>]*>/g;

const MAX_PAGE = 100_000;
/** The largest that the board offers. */
const MAX_JOBS_PER_PAGE = 50;

/**
 * The raw queues, read-only: the board does not know our rules for jobs. For example, editing a job there would lose the
 * selfie, which the board never sees.
 */
export async function addBoard(app: FastifyInstance, queues: Queues): Promise<void> {
  const server = new FastifyAdapter();
  server.setBasePath(BOARD_PATH);
  const adapters = Object.values(queues).map((queue) => {
    const adapter = new BullMQAdapter(queue, { readOnlyMode: true });
    adapter.setFormatter('data', (data: unknown) => withoutImages(data));
    adapter.setFormatter('returnValue', withoutMatches);
    return adapter;
  });
  createBullBoard({
    queues: adapters,
    serverAdapter: server,
    options: { uiConfig: { boardTitle: 'face-search queues', hideRedisDetails: true } },
  });
  app.addHook('onRequest', async ({ query }) => {
    // The board reads all jobs of a page whole, with their selfies.
    const { page = '1', jobsPerPage = '10' } = query as Record<string, unknown>;
    if (!isUpTo(page, MAX_PAGE) || !isUpTo(jobsPerPage, MAX_JOBS_PER_PAGE)) {
      throw new ApiError(
        400,
        'BAD_REQUEST',
        `"page" must be 1 to ${MAX_PAGE}, and "jobsPerPage" 1 to ${MAX_JOBS_PER_PAGE}.`,
      );
    }
  });
  app.addHook('onSend', async (_request, _reply, payload) =>
    typeof payload === 'string' ? payload.replace(FOREIGN_LINKS, '') : payload,
  );
  await app.register(server.registerPlugin(), { prefix: BOARD_PATH });
}

function isUpTo(value: unknown, max: number): boolean {
  const number = typeof value === 'string' ? Number(value) : NaN;
  return Number.isInteger(number) && number >= 1 && number <= max;
}

function withoutMatches(result: unknown): unknown {
  const matches = isRecord(result) ? result['matches'] : result;
  return Array.isArray(matches) ? `(${matches.length} matches, not shown)` : result;
}
