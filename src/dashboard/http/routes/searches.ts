import type { FastifyInstance } from 'fastify';
import type { ApiProblem, SearchEvents } from '../../api/api.js';
import { ApiError } from '../../api/api-error.js';
import { createPhotoReader } from '../../galleries/photos.js';
import { followSearch } from '../../jobs/search-events.js';
import { addSearch, cancelSearch, readSearch } from '../../jobs/searches.js';
import { formatEvent, streamEvents } from '../event-stream.js';
import { ANSWERS, BODIES } from '../schemas.js';
import { readSearchForm } from '../search-form.js';
import { createUploadLimit } from '../upload-limit.js';
import type { RouteContext } from './context.js';

/** Bodies in flight at the same time, if all are as large as they may be. */
const MAX_UPLOADS = 8;
/** Base64 needs a third more than the image; the rest is for the other fields of a job. */
const BASE64_FACTOR = 1.4;
const OTHER_FIELDS_BYTES = 64 * 1024;

interface ById {
  Params: { id: string };
}

/** The portal's part over HTTP: add a search, follow it, cancel it, see its photos. */
export function addSearchRoutes(app: FastifyInstance, context: RouteContext): void {
  const { config, queues, redis, searchEvents } = context;
  const place = { queue: queues.search, redis };
  const { searchesPerMinute } = config.dashboard;
  const bodyLimit = Math.ceil(config.engine.maxImageBytes * BASE64_FACTOR) + OTHER_FIELDS_BYTES;
  const limitUploads = createUploadLimit(MAX_UPLOADS * bodyLimit, bodyLimit);
  const readPhoto = createPhotoReader(place, config);

  app.post(
    '/api/searches',
    {
      bodyLimit,
      config: {
        rateLimit: searchesPerMinute === 0 ? false : { max: searchesPerMinute, timeWindow: '1 minute' },
      },
      preParsing: async (request, reply) => limitUploads(request, reply),
      validatorCompiler: () => () => true,
      schema: {
        summary: 'Search for a person',
        tags: ['searches'],
        body: {
          content: {
            'application/json': { schema: BODIES.search },
            'multipart/form-data': { schema: BODIES.searchForm },
          },
        },
        response: {
          202: ANSWERS.search,
          400: ANSWERS.failure,
          409: ANSWERS.failure,
          413: ANSWERS.failure,
          415: ANSWERS.failure,
          429: ANSWERS.failure,
        },
      },
    },
    async (request, reply) => {
      const data = request.isMultipart()
        ? await readSearchForm(request, config.engine.maxImageBytes)
        : readJson(request.body);
      const search = await addSearch(place, data);
      return reply.status(202).header('location', `/api/searches/${search.id}`).send(search);
    },
  );

  app.get<ById>(
    '/api/searches/:id',
    {
      schema: {
        summary: 'Get a search, with its result once it has one',
        tags: ['searches'],
        response: { 200: ANSWERS.search, 404: ANSWERS.failure },
      },
    },
    ({ params }) => readSearch(place, params.id),
  );

  app.get<ById>(
    '/api/searches/:id/events',
    {
      exposeHeadRoute: false,
      schema: {
        summary: 'Follow a search live',
        description:
          'Server-sent events: `state` (state, position, progress) at every change, and last `result` or `failure` with the search.',
        tags: ['searches'],
        produces: ['text/event-stream'],
      },
    },
    async ({ params: { id } }, reply) => {
      await readSearch(place, id);
      return streamEvents(reply, ({ send, end }) =>
        followSearch(id, searchEvents, {
          read: () => readSearch(place, id),
          report: (event, data) => (event === 'state' ? send : end)(formatEvent(event, data)),
          gone: () => end(formatEvent('failure', removedSearch(id))),
        }),
      );
    },
  );

  app.delete<ById>(
    '/api/searches/:id',
    {
      schema: {
        summary: 'Cancel a search',
        tags: ['searches'],
        response: { 204: { type: 'null' }, 404: ANSWERS.failure, 409: ANSWERS.failure },
      },
    },
    async ({ params }, reply) => {
      await cancelSearch(place, params.id);
      return reply.status(204).send();
    },
  );

  app.get<{ Params: { id: string; rank: string } }>(
    '/api/searches/:id/photos/:rank',
    {
      schema: {
        summary: "Get a photo of a search's result, as JPEG",
        tags: ['searches'],
        params: {
          type: 'object',
          properties: { id: { type: 'string' }, rank: { type: 'string', pattern: '^\\d{1,7}$' } },
        },
      },
    },
    async ({ params }, reply) => {
      const photo = await readPhoto(params.id, Number(params.rank));
      return reply
        .header('content-type', 'image/jpeg')
        .header('cache-control', 'private, max-age=3600')
        .send(photo);
    },
  );
}

function removedSearch(id: string): Pick<SearchEvents['failure'], 'id' | 'state' | 'matches' | 'error'> {
  const error: ApiProblem = { code: 'CANCELLED', message: 'The search was removed from the queue.' };
  return { id, state: 'failed', matches: null, error };
}

function readJson(body: unknown): Record<string, unknown> {
  if (typeof body === 'object' && body !== null && !Array.isArray(body))
    return body as Record<string, unknown>;
  throw new ApiError(400, 'BAD_REQUEST', 'The body must be a JSON object, or a form with the file "image".');
}
