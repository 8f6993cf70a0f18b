import type { FastifyInstance } from 'fastify';
import { readFleet } from '../../../shared/fleet-records.js';
import { viewWorker } from '../../fleet/activity.js';
import { COMMANDS, sendCommand } from '../../fleet/fleet-commands.js';
import { ANSWERS } from '../schemas.js';
import type { RouteContext } from './context.js';

export function addWorkerRoutes(app: FastifyInstance, { redis }: RouteContext): void {
  app.get(
    '/api/workers',
    {
      schema: { summary: 'List all workers', tags: ['workers'], response: { 200: ANSWERS.workers } },
    },
    async () => ({ workers: (await readFleet(redis)).map(viewWorker) }),
  );

  for (const command of COMMANDS) {
    const verb = `${command[0]?.toUpperCase()}${command.slice(1)}`;
    app.post<{ Params: { id: string } }>(
      `/api/workers/:id/${command}`,
      { schema: commandSchema(`${verb} a worker`) },
      async ({ params }, reply) =>
        reply.status(202).send({ workers: await sendCommand(redis, command, { worker: params.id }) }),
    );
    app.post<{ Params: { hostname: string } }>(
      `/api/machines/:hostname/${command}`,
      { schema: commandSchema(`${verb} all workers of a machine`) },
      async ({ params }, reply) =>
        reply.status(202).send({ workers: await sendCommand(redis, command, { machine: params.hostname }) }),
    );
  }
}

function commandSchema(summary: string): object {
  return {
    summary,
    tags: ['workers'],
    response: { 202: ANSWERS.commanded, 404: ANSWERS.failure, 409: ANSWERS.failure },
  };
}
