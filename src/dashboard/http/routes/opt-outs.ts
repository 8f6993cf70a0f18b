import type { FastifyInstance } from 'fastify';
import { createOptOuts } from '../../../gallery/store/opt-outs.js';
import { notFound } from '../../api/api-error.js';
import { ANSWERS } from '../schemas.js';
import type { RouteContext } from './context.js';

/** The people who are kept out of the index. Their embeddings stay in Redis. */
export function addOptOutRoutes(app: FastifyInstance, { redis }: RouteContext): void {
  const optOuts = createOptOuts(redis);
  app.get(
    '/api/opt-outs',
    {
      schema: {
        summary: 'List the people who are kept out of the index',
        tags: ['galleries'],
        response: { 200: ANSWERS.optOuts },
      },
    },
    async () => ({
      opt_outs: (await optOuts.list()).map(({ id, addedMs, packKey }) => ({
        id,
        added: addedMs / 1000,
        model_pack: packKey,
      })),
    }),
  );
  app.delete<{ Params: { id: string } }>(
    '/api/opt-outs/:id',
    {
      schema: {
        summary: 'Take a person off the list',
        description: 'New and changed photos are indexed with this person again.',
        tags: ['galleries'],
        response: { 204: { type: 'null' }, 404: ANSWERS.failure },
      },
    },
    async ({ params }, reply) => {
      if ((await optOuts.remove(params.id)) === null) throw notFound('The list has no such entry.');
      return reply.status(204).send();
    },
  );
}
