import helmet from '@fastify/helmet';
import multipart from '@fastify/multipart';
import rateLimit from '@fastify/rate-limit';
import swagger from '@fastify/swagger';
import Fastify, { type FastifyBaseLogger, type FastifyInstance, LogController } from 'fastify';
import { VERSION } from '../shared/version.js';
import { addBoard } from './http/routes/board.js';
import { ApiError } from './api/api-error.js';
import { accessOf } from './http/access.js';
import { answerClientError, answerFailures, answerFrameworkError } from './http/answer-failures.js';
import { refuseOtherNames, refuseOtherSites } from './http/guard.js';
import { addJsonParser } from './http/json-parser.js';
import { requireToken } from './http/require-token.js';
import { refuseWithoutRedis } from './api/redis-trouble.js';
import { MAX_FIELD_CHARS, MAX_SELFIES } from './http/search-form.js';
import type { RouteContext } from './http/routes/context.js';
import { addEventsRoute } from './http/routes/events.js';
import { addGalleryRoutes } from './http/routes/galleries.js';
import { addHealthRoutes } from './http/routes/health.js';
import { addMetricsRoute } from './http/routes/metrics.js';
import { addPageRoutes } from './http/routes/page.js';
import { addOptOutRoutes } from './http/routes/opt-outs.js';
import { addQueueRoutes } from './http/routes/queues.js';
import { addSearchRoutes } from './http/routes/searches.js';
import { addSessionRoutes } from './http/routes/session.js';
import { addWorkerRoutes } from './http/routes/workers.js';

/** Enough for several pages with all their photos. */
const REQUESTS_PER_MINUTE = 1200;
/** For all bodies but searches. */
const MAX_BODY_BYTES = 64 * 1024;
/** A body that takes longer is refused, and its connection is closed. */
const REQUEST_TIMEOUT_MS = 60_000;
const TIMEOUT_CHECK_MS = 5000;
/** Enough for all event streams and a few requests of each page. */
const MAX_CONNECTIONS = 2000;

/** Loads from this server only, no inline scripts or styles, no frames of other sites. */
const CONTENT_SECURITY_POLICY = {
  useDefaults: false,
  directives: {
    defaultSrc: ["'self'"],
    imgSrc: ["'self'", 'blob:', 'data:'],
    objectSrc: ["'none'"],
    baseUri: ["'self'"],
    formAction: ["'self'"],
    frameAncestors: ["'none'"],
  },
};

/** Creates the HTTP server with all its routes. It does not listen yet. */
export async function createServer(context: RouteContext): Promise<FastifyInstance> {
  const { config, guard, logger, redis } = context;
  const loggerInstance: FastifyBaseLogger = logger;
  const app = Fastify({
    loggerInstance,
    logController: new LogController({ disableRequestLogging: true }),
    bodyLimit: MAX_BODY_BYTES,
    frameworkErrors: answerFrameworkError,
    clientErrorHandler: answerClientError,
    // A proxy on this machine sends the client's address and protocol.
    trustProxy: 'loopback',
    // Open event streams would keep the server from closing.
    forceCloseConnections: true,
    requestTimeout: REQUEST_TIMEOUT_MS,
    http: { connectionsCheckingInterval: TIMEOUT_CHECK_MS },
    routerOptions: { maxParamLength: 4096 },
  });
  // A form of another site can send text/plain without the browser asking first; no route needs it.
  app.removeContentTypeParser('text/plain');
  addJsonParser(app);
  answerFailures(app, logger);
  app.server.maxConnections = MAX_CONNECTIONS;

  await app.register(helmet, {
    contentSecurityPolicy: CONTENT_SECURITY_POLICY,
    // The dashboard itself speaks HTTP; a proxy with TLS can add the header.
    strictTransportSecurity: false,
    referrerPolicy: { policy: 'same-origin' },
  });
  await app.register(multipart, {
    limits: {
      fileSize: config.engine.maxImageBytes,
      files: MAX_SELFIES,
      fields: 20,
      fieldSize: MAX_FIELD_CHARS,
    },
  });
  await app.register(rateLimit, {
    max: REQUESTS_PER_MINUTE,
    timeWindow: '1 minute',
    errorResponseBuilder: (_request, { max, after }) =>
      new ApiError(429, 'RATE_LIMITED', `At most ${max} of these requests a minute; try again in ${after}.`),
  });
  await app.register(swagger, {
    openapi: {
      openapi: '3.1.0',
      info: {
        title: 'face-search-worker',
        version: VERSION,
        description:
          'Searches, workers and galleries. Every failure is `{ error: { code, message } }`. A match has its score twice, as `score` and as `similarity`: existing clients of the queue read the second name.',
      },
      components: {
        securitySchemes: {
          token: {
            type: 'http',
            scheme: 'bearer',
            description: 'DASHBOARD_TOKEN, if one is set; DASHBOARD_READ_TOKEN to look only',
          },
        },
      },
      security: [{ token: [] }, {}],
    },
  });

  app.addHook('onRequest', async (request) => {
    if (!guard.tokenRequired) refuseOtherNames(request);
    refuseOtherSites(request);
  });
  app.addHook('onRoute', ({ method, url }) => {
    for (const one of [method].flat()) {
      if (accessOf(one, url) === null) throw new Error(`access.ts does not say who may use ${one} ${url}`);
    }
  });
  const checkToken = requireToken(app, guard);
  // After the rate limits, which run in onRequest.
  app.addHook('preParsing', async (request) => checkToken(request));
  addHealthRoutes(app, context);
  addSessionRoutes(app, context);
  app.get('/api/openapi.json', { schema: { hide: true } }, () => app.swagger());

  addEventsRoute(app, context);
  await app.register(async (fromRedis) => {
    fromRedis.addHook('preParsing', async () => refuseWithoutRedis(redis));
    await addRedisRoutes(fromRedis, context);
  });
  await addPageRoutes(app);
  await app.ready();
  return app;
}

async function addRedisRoutes(app: FastifyInstance, context: RouteContext): Promise<void> {
  addWorkerRoutes(app, context);
  addSearchRoutes(app, context);
  addQueueRoutes(app, context);
  addGalleryRoutes(app, context);
  addOptOutRoutes(app, context);
  addMetricsRoute(app, context);
  await app.register(async (board) => {
    // The board needs inline styles.
    board.addHook('onSend', async (_request, reply) => {
      reply.header(
        'content-security-policy',
        "default-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data:; frame-ancestors 'none'",
      );
    });
    await addBoard(board, context.queues);
  });
}
