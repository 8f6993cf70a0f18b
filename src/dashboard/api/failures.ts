import type { FastifyError, FastifyInstance } from 'fastify';
import { JobError } from '../../shared/errors.js';
import type { Logger } from '../../shared/logger.js';
import type { ApiFailure } from '../api.js';

/** Stable codes of the API's own failures; those of a job are in `src/shared/errors.ts`. */
export type FailureCode =
  | 'BAD_REQUEST'
  | 'UNAUTHORIZED'
  | 'CROSS_SITE'
  | 'WRONG_HOST'
  | 'NOT_FOUND'
  | 'CONFLICT'
  | 'SEARCH_RUNNING'
  | 'TOO_LARGE'
  | 'UNSUPPORTED_MEDIA_TYPE'
  | 'RATE_LIMITED'
  | 'NO_GALLERY_DIR'
  | 'NO_MODELS'
  | 'NO_SUPERVISOR'
  | 'REDIS_AWAY'
  | 'INTERNAL';

/** An answer that is not a success, with a sentence for a person. */
export class ApiError extends Error {
  override readonly name = 'ApiError';

  constructor(
    readonly statusCode: number,
    readonly code: FailureCode,
    message: string,
  ) {
    super(message);
  }
}

export function notFound(what: string): ApiError {
  return new ApiError(404, 'NOT_FOUND', what);
}

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
    return { status, body: { error: { code: error.code, message: error.sentence } } };
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
