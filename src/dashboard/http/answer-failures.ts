import type { FastifyError, FastifyInstance } from 'fastify';
import { JobError } from '../../shared/errors.js';
import type { Logger } from '../../shared/logger.js';
import type { ApiFailure } from '../api/api.js';
import { ApiError, type FailureCode } from '../api/api-error.js';
import { describeRedisTrouble } from '../api/redis-trouble.js';

/** Codes for the errors of fastify and its plugins, by their status. */
const CODES: Readonly<Record<number, FailureCode>> = {
  400: 'BAD_REQUEST',
  404: 'NOT_FOUND',
  408: 'TIMEOUT',
  413: 'TOO_LARGE',
  415: 'UNSUPPORTED_MEDIA_TYPE',
  429: 'RATE_LIMITED',
};

/** Answers every failure with `{ error: { code, message } }`. An unexpected error is logged, and its text stays here. */
export function answerFailures(app: FastifyInstance, logger: Logger): void {
  app.setErrorHandler((error: FastifyError | JobError | ApiError, request, reply) => {
    const { status, body } = describeFailure(error);
    if (status >= 500)
      logger.error({ err: error, method: request.method, url: request.routeOptions.url }, 'A request failed');
    return reply.status(status).send(body);
  });
  app.setNotFoundHandler((_request, reply) =>
    reply
      .status(404)
      .send({ error: { code: 'NOT_FOUND', message: 'There is no such page.' } } satisfies ApiFailure),
  );
}

function describeFailure(error: FastifyError | JobError | ApiError): { status: number; body: ApiFailure } {
  if (error instanceof JobError) {
    const status = error.code === 'GALLERY_NOT_FOUND' ? 404 : 400;
    return { status, body: { error: { code: error.code, message: error.detail } } };
  }
  const redis = error instanceof ApiError ? null : describeRedisTrouble(error);
  if (redis !== null) return { status: 503, body: { error: redis } };
  const status = error.statusCode ?? 500;
  const known = error instanceof ApiError ? error.code : CODES[status];
  if (known === undefined) {
    return {
      status: 500,
      body: {
        error: {
          code: 'INTERNAL',
          message: 'Something went wrong; the log of the dashboard says what.',
        },
      },
    };
  }
  return { status, body: { error: { code: known, message: error.message } } };
}
