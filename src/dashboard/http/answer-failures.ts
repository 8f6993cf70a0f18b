import type { FastifyError, FastifyInstance } from 'fastify';
import { JobError } from '../../shared/errors.js';
import type { Logger } from '../../shared/logger.js';
import type { ApiFailure } from '../api/api.js';
import { ApiError, type FailureCode } from '../api/api-error.js';

/** What fastify and its plugins throw, by their status. */
const CODES: Readonly<Record<number, FailureCode>> = {
  400: 'BAD_REQUEST',
  404: 'NOT_FOUND',
  413: 'TOO_LARGE',
  415: 'UNSUPPORTED_MEDIA_TYPE',
  429: 'RATE_LIMITED',
};

/** Every failure leaves as `{ error: { code, message } }`; what nobody foresaw is logged and not told to the caller. */
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
      .send({ error: { code: 'NOT_FOUND', message: 'There is nothing here.' } } satisfies ApiFailure),
  );
}

function describeFailure(error: FastifyError | JobError | ApiError): { status: number; body: ApiFailure } {
  if (error instanceof JobError) {
    const status = error.code === 'GALLERY_NOT_FOUND' ? 404 : 400;
    return { status, body: { error: { code: error.code, message: error.detail } } };
  }
  const status = error.statusCode ?? 500;
  const known = error instanceof ApiError ? error.code : CODES[status];
  if (known === undefined) {
    return {
      status: 500,
      body: {
        error: {
          code: 'INTERNAL',
          message: 'Something went wrong here; the log of the dashboard says what.',
        },
      },
    };
  }
  return { status, body: { error: { code: known, message: error.message } } };
}
