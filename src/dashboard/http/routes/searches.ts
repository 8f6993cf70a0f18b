import type { MultipartFile, MultipartValue } from '@fastify/multipart';
import type { FastifyInstance, FastifyRequest } from 'fastify';
import type { ApiProblem } from '../../api/api.js';
import { streamEvents } from '../event-stream.js';
import { ApiError } from '../../api/api-error.js';
import { readPhoto } from '../../galleries/photos.js';
import { ANSWERS, BODIES } from '../schemas.js';
import { followSearch } from '../../jobs/search-events.js';
import { addSearch, cancelSearch, readSearch } from '../../jobs/searches.js';
import type { RouteContext } from './context.js';

interface ById {
  Params: { id: string };
}

/** What the portal does with BullMQ, for whoever would rather use HTTP. */
export function addSearchRoutes(app: FastifyInstance, context: RouteContext): void {
  const { config, queues, redis, searchEvents } = context;
  const place = { queue: queues.search, redis };
  const { searchesPerMinute } = config.dashboard;

  app.post(
    '/api/searches',
    {
      config: {
        rateLimit: searchesPerMinute === 0 ? false : { max: searchesPerMinute, timeWindow: '1 minute' },
      },
      validatorCompiler: () => () => true,
      schema: {
        summary: 'Search for the person of a selfie',
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
        ? await readForm(request, config.engine.maxImageBytes)
        : readJson(request.body);
      const search = await addSearch(place, { boxes: true, ...data, timestamp: Date.now() });
      return reply.status(202).header('location', `/api/searches/${search.id}`).send(search);
    },
  );

  app.get<ById>(
    '/api/searches/:id',
    {
      schema: {
        summary: 'A search, with its result once it has one',
        tags: ['searches'],
        response: { 200: ANSWERS.search, 404: ANSWERS.failure },
      },
    },
    ({ params }) => readSearch(place, params.id),
  );

  app.get<ById>(
    '/api/searches/:id/events',
    {
      schema: {
        summary: 'A search, live',
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
          tell: (event, data) => {
            send(event, data);
            if (event !== 'state') end();
          },
          gone: () => {
            const error: ApiProblem = {
              code: 'CANCELLED',
              message: 'The search was removed from the queue.',
            };
            send('failure', { id, state: 'failed', matches: null, error });
            end();
          },
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
        summary: "A photo of a search's result, as JPEG",
        tags: ['searches'],
        params: {
          type: 'object',
          properties: { id: { type: 'string' }, rank: { type: 'string', pattern: '^\\d{1,7}$' } },
        },
      },
    },
    async ({ params }, reply) => {
      const photo = await readPhoto(queues.search, config, params.id, Number(params.rank));
      return reply
        .header('content-type', 'image/jpeg')
        .header('cache-control', 'private, max-age=3600')
        .send(photo);
    },
  );
}

function readJson(body: unknown): Record<string, unknown> {
  if (typeof body === 'object' && body !== null && !Array.isArray(body))
    return body as Record<string, unknown>;
  throw new ApiError(
    400,
    'BAD_REQUEST',
    'The body has to be a JSON object, or a form with the file "image".',
  );
}

/** A form's files are the selfies, all of them together no larger than one may be; its numbers are texts. */
async function readForm(request: FastifyRequest, maxBytes: number): Promise<Record<string, unknown>> {
  const images: string[] = [];
  let bytes = 0;
  const fields: Record<string, unknown> = {};
  for await (const part of request.parts() as AsyncIterable<MultipartFile | MultipartValue<string>>) {
    if (part.type === 'file') {
      const image = await part.toBuffer();
      bytes += image.length;
      if (bytes > maxBytes) {
        throw new ApiError(
          413,
          'TOO_LARGE',
          `The selfies have more than ${maxBytes} bytes together (MAX_IMAGE_BYTES).`,
        );
      }
      images.push(image.toString('base64'));
    } else if (part.value !== '')
      fields[part.fieldname] = NUMBERS.has(part.fieldname) ? Number(part.value) : part.value;
  }
  // A file field that was left empty is a file of no bytes.
  const selfies = images.filter((image) => image !== '');
  return { ...fields, ...(selfies.length > 0 && { images: selfies }) };
}

const NUMBERS: ReadonlySet<string> = new Set(['threshold', 'limit']);
