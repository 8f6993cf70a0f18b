import type { FastifyInstance } from 'fastify';
import { readFleet } from '../../shared/fleet-records.js';
import { viewWorker } from '../activity.js';
import { streamEvents } from '../event-stream.js';
import type { FleetNews } from '../fleet-watch.js';
import { giveOrder, ORDERS } from '../fleet-orders.js';
import { ANSWERS } from '../schemas.js';
import type { RouteContext } from './context.js';

export function addWorkerRoutes(app: FastifyInstance, { redis, fleet }: RouteContext): void {
  app.get(
    '/api/workers',
    {
      schema: { summary: 'All workers of the fleet', tags: ['workers'], response: { 200: ANSWERS.workers } },
    },
    async () => ({ workers: (await readFleet(redis)).map(viewWorker) }),
  );

  app.get(
    '/api/events',
    {
      schema: {
        summary: 'The fleet, live',
        description:
          'Server-sent events: `history` (the last ten minutes), then `fleet` every two seconds, or `trouble` while Redis is away.',
        tags: ['workers'],
        produces: ['text/event-stream'],
      },
    },
    (_request, reply) =>
      streamEvents(reply, ({ send }) => {
        const tell = (news: FleetNews): void =>
          news.kind === 'fleet' ? send('fleet', news.event) : send('trouble', { error: news.problem });
        send('history', fleet.history());
        const last = fleet.last();
        // Its sample is part of the history already.
        if (last !== null)
          tell(last.kind === 'fleet' ? { ...last, event: { ...last.event, sample: null } } : last);
        return fleet.subscribe(tell);
      }),
  );

  for (const order of ORDERS) {
    app.post<{ Params: { id: string } }>(
      `/api/workers/:id/${order}`,
      { schema: orderSchema(`Ask a worker to ${order}`) },
      async ({ params }, reply) =>
        reply.status(202).send({ workers: await giveOrder(redis, order, { worker: params.id }) }),
    );
    app.post<{ Params: { hostname: string } }>(
      `/api/machines/:hostname/${order}`,
      { schema: orderSchema(`Ask all workers of a machine to ${order}`) },
      async ({ params }, reply) =>
        reply.status(202).send({ workers: await giveOrder(redis, order, { machine: params.hostname }) }),
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
