import type { FastifyInstance } from 'fastify';
import { ANSWERS } from '../schemas.js';
import type { RouteContext } from './context.js';

interface OfStage {
  Params: { stage: string };
}

/** A stage's slashes are written `%2F` in the path. */
export function addGalleryRoutes(app: FastifyInstance, { config, galleries }: RouteContext): void {
  app.get(
    '/api/galleries',
    {
      schema: {
        summary: 'The stages that can be searched',
        tags: ['galleries'],
        response: { 200: ANSWERS.galleries },
      },
    },
    async () => ({ galleries: await galleries.list(), stages_known: config.gallery.dir !== null }),
  );
  app.post<OfStage>(
    '/api/galleries/:stage/index',
    {
      schema: {
        summary: 'Have what is new in a stage indexed',
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
        summary: 'Delete the faces that were computed of a stage',
        description: 'Photos that still lie in the gallery are indexed anew by the next search.',
        tags: ['galleries'],
        response: { 200: ANSWERS.galleryForgotten },
      },
    },
    ({ params }) => galleries.forget(params.stage),
  );
}
