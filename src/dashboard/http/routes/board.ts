import { createBullBoard } from '@bull-board/api';
import { BullMQAdapter } from '@bull-board/api/bullMQAdapter';
import { FastifyAdapter } from '@bull-board/fastify';
import type { FastifyInstance } from 'fastify';
import type { Queues } from '../../fleet/fleet-moment.js';
import { withoutImages } from '../../jobs/job-view.js';

export const BOARD_PATH = '/board';

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
    adapter.setFormatter('returnValue', (value: unknown) =>
      Array.isArray(value) ? `(${value.length} matches, not shown)` : value,
    );
    return adapter;
  });
  createBullBoard({
    queues: adapters,
    serverAdapter: server,
    options: { uiConfig: { boardTitle: 'face-search queues', hideRedisDetails: true } },
  });
  await app.register(server.registerPlugin(), { prefix: BOARD_PATH });
}
