import type { FastifyInstance } from 'fastify';
import { redisAway } from '../../api/redis-away.js';
import { ANSWERS } from '../schemas.js';
import type { RouteContext } from './context.js';

/** For whoever supervises the dashboard, with or without the token. */
export function addHealthRoutes(app: FastifyInstance, { redis }: RouteContext): void {
  app.get(
    '/healthz',
    { schema: { summary: 'Whether the dashboard runs', tags: ['health'], response: { 200: ANSWERS.ok } } },
    () => ({ status: 'ok' }),
  );
  app.get(
    '/readyz',
    {
      schema: {
        summary: 'Whether it can answer: Redis is there',
        tags: ['health'],
        response: { 200: ANSWERS.ok, 503: ANSWERS.failure },
      },
    },
    (_request, reply) =>
      redis.status === 'ready' ? { status: 'ok' } : reply.status(503).send({ error: redisAway() }),
  );
}
