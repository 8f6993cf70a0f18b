import type { FastifyInstance } from 'fastify';
import { readFleetMoment } from '../../fleet/fleet-moment.js';
import { METRICS_TYPE, writeMetrics } from '../../fleet/metrics.js';
import type { RouteContext } from './context.js';

export function addMetricsRoute(app: FastifyInstance, { redis, queues }: RouteContext): void {
  app.get(
    '/metrics',
    {
      schema: {
        summary: 'Get the metrics for Prometheus',
        tags: ['health'],
        produces: ['text/plain'],
        response: { 200: { type: 'string' } },
      },
    },
    async (_request, reply) =>
      reply
        .header('content-type', METRICS_TYPE)
        .send(await writeMetrics(await readFleetMoment(redis, queues))),
  );
}
