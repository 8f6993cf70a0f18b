import type { FastifyInstance } from 'fastify';
import { readFleet } from '../../../shared/fleet-records.js';
import { viewWorker } from '../../fleet/activity.js';
import { giveOrder, ORDERS } from '../../fleet/fleet-commands.js';
import { ANSWERS } from '../schemas.js';
import type { RouteContext } from './context.js';

export function addWorkerRoutes(app: FastifyInstance, { redis, config }: RouteContext): void {
  app.get(
    '/api/workers',
    {
      schema: { summary: 'All workers of the fleet', tags: ['workers'], response: { 200: ANSWERS.workers } },
    },
    async () => ({ workers: (await readFleet(redis)).map(viewWorker) }),
  );

  for (const order of ORDERS) {
    app.post<{ Params: { id: string } }>(
      `/api/workers/:id/${order}`,
      { schema: orderSchema(`Ask a worker to ${order}`) },
      async ({ params }, reply) =>
        reply
          .status(202)
          .send({ workers: await giveOrder(redis, config.queue.prefix, order, { worker: params.id }) }),
    );
    app.post<{ Params: { hostname: string } }>(
      `/api/machines/:hostname/${order}`,
      { schema: orderSchema(`Ask all workers of a machine to ${order}`) },
      async ({ params }, reply) =>
        reply.status(202).send({
          workers: await giveOrder(redis, config.queue.prefix, order, { machine: params.hostname }),
        }),
    );
  }
}

function orderSchema(summary: string): object {
  return {
    summary,
    tags: ['workers'],
    response: { 202: ANSWERS.ordered, 404: ANSWERS.failure, 409: ANSWERS.failure },
  };
}
