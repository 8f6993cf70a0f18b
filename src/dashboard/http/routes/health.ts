import type { FastifyInstance } from 'fastify';
import { redisAway } from '../../api/redis-trouble.js';
import { ANSWERS } from '../schemas.js';
import type { RouteContext } from './context.js';

/** Health checks work without the token. */
export function addHealthRoutes(app: FastifyInstance, { redis }: RouteContext): void {
  app.get(
    '/healthz',
    {
      schema: {
        summary: 'Check that the dashboard is running',
        tags: ['health'],
        response: { 200: ANSWERS.ok },
      },
    },
    () => ({ status: 'ok' }),
  );
  app.get(
    '/readyz',
    {
      schema: {
        summary: 'Check that the dashboard reaches Redis',
        tags: ['health'],
        response: { 200: ANSWERS.ok, 503: ANSWERS.failure },
      },
    },
    (_request, reply) =>
      redis.status === 'ready' ? { status: 'ok' } : reply.status(503).send({ error: redisAway() }),
  );
}
