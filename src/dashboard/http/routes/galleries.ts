import type { FastifyInstance } from 'fastify';
import { ANSWERS } from '../schemas.js';
import type { RouteContext } from './context.js';

interface OfStage {
  Params: { stage: string };
}

/** In a path, the slashes of a stage are written as `%2F`. */
export function addGalleryRoutes(app: FastifyInstance, { config, galleries }: RouteContext): void {
  app.get(
    '/api/galleries',
    {
      schema: {
        summary: 'List the stages',
        tags: ['galleries'],
        response: { 200: ANSWERS.galleries },
      },
    },
    async () => ({ galleries: await galleries.list(), stages_known: config.gallery.dir !== null }),
  );
  app.get<OfStage>(
    '/api/galleries/:stage',
    {
      schema: {
        summary: 'Get one stage with its faces and its broken photos',
        tags: ['galleries'],
        response: { 200: ANSWERS.gallery, 404: ANSWERS.failure },
      },
    },
    ({ params }) => galleries.describe(params.stage),
  );
  app.post<OfStage>(
    '/api/galleries/:stage/index',
    {
      schema: {
        summary: 'Index the new photos of a stage',
        tags: ['galleries'],
        response: { 202: ANSWERS.indexStarted, 404: ANSWERS.failure, 409: ANSWERS.failure },
      },
    },
    async ({ params }, reply) => reply.status(202).send(await galleries.index(params.stage)),
  );
  app.delete<OfStage>(
    '/api/galleries/:stage',
    {
      schema: {
        summary: 'Delete the computed faces of a stage',
        description: 'The next search indexes again what is still in the gallery.',
        tags: ['galleries'],
        response: { 200: ANSWERS.galleryForgotten, 404: ANSWERS.failure },
      },
    },
    ({ params }) => galleries.forget(params.stage),
  );
}
