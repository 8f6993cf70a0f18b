import type { Socket } from 'node:net';
import type { FastifyError, FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import { JobError } from '../../shared/errors.js';
import type { Logger } from '../../shared/logger.js';
import type { ApiFailure } from '../api/api.js';
import { ApiError, type FailureCode } from '../api/api-error.js';
import { describeRedisTrouble } from '../api/redis-trouble.js';
import { MAX_SELFIES } from './search-form.js';

/** Codes for the errors of fastify and its plugins, by their status. */
const CODES: Readonly<Record<number, FailureCode>> = {
  400: 'BAD_REQUEST',
  404: 'NOT_FOUND',
  408: 'TIMEOUT',
  413: 'TOO_LARGE',
  415: 'UNSUPPORTED_MEDIA_TYPE',
  429: 'RATE_LIMITED',
};

/** Sentences for errors whose own message does not help. */
const MESSAGES: Readonly<Record<string, string>> = {
  FST_ERR_CTP_INVALID_MEDIA_TYPE: 'Send JSON (application/json) or a form (multipart/form-data).',
  FST_ERR_CTP_BODY_TOO_LARGE: 'The body is too large.',
  FST_FILES_LIMIT: `The form has more than ${MAX_SELFIES} files.`,
  FST_FIELDS_LIMIT: 'The form has too many fields.',
  FST_REQ_FILE_TOO_LARGE: 'A file of the form is too large (MAX_IMAGE_BYTES).',
  FST_PROTO_VIOLATION: 'The form has a field with a name that is not allowed.',
  FST_INVALID_JSON_FIELD_ERROR: 'A field of the form is not valid JSON; send texts.',
  FST_ERR_BAD_URL: 'The address is not encoded correctly.',
  FST_ERR_MAX_PARAM_LENGTH: 'A part of the address is too long.',
};

type Failure = FastifyError | JobError | ApiError;

/** Answers every failure with `{ error: { code, message } }`. An unexpected error is logged, and its text stays here. */
export function answerFailures(app: FastifyInstance, logger: Logger): void {
  app.setErrorHandler((error: Failure, request, reply) => {
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

/** For addresses that the router refuses. */
export function answerFrameworkError(
  error: FastifyError,
  _request: FastifyRequest,
  reply: FastifyReply,
): void {
  const { status, body } = describeFailure(error);
  void reply.status(status).type('application/json').send(JSON.stringify(body));
}

/** For requests that Node cannot read, or does not wait for any longer. */
export function answerClientError({ code }: NodeJS.ErrnoException, socket: Socket): void {
  if (code === 'ECONNRESET' || socket.destroyed) return;
  const [status, failure, message] = CLIENT_ERRORS[code ?? ''] ?? [
    '400 Bad Request',
    'BAD_REQUEST',
    'This is not HTTP.',
  ];
  const body = JSON.stringify({ error: { code: failure, message } } satisfies ApiFailure);
  const head = `HTTP/1.1 ${status}\r\nContent-Type: application/json\r\nContent-Length: ${body.length}\r\nConnection: close`;
  if (socket.writable) socket.write(`${head}\r\n\r\n${body}`);
  socket.destroySoon();
}

const CLIENT_ERRORS: Readonly<Record<string, readonly [status: string, code: FailureCode, message: string]>> =
  {
    ERR_HTTP_REQUEST_TIMEOUT: ['408 Request Timeout', 'TIMEOUT', 'The request took too long to arrive.'],
    HPE_HEADER_OVERFLOW: ['431 Request Header Fields Too Large', 'TOO_LARGE', 'The headers are too large.'],
  };

function describeFailure(error: Failure): { status: number; body: ApiFailure } {
  if (error instanceof JobError) {
    const status = error.code === 'GALLERY_NOT_FOUND' ? 404 : 400;
    return { status, body: { error: { code: error.code, message: error.detail } } };
  }
  const redis = error instanceof ApiError ? null : describeRedisTrouble(error);
  if (redis !== null) return { status: 503, body: { error: redis } };
  const status = error.statusCode ?? 500;
  if (error instanceof ApiError)
    return { status, body: { error: { code: error.code, message: error.message } } };
  const message = MESSAGES[error.code] ?? error.message;
  const code = CODES[status];
  if (code !== undefined) return { status, body: { error: { code, message } } };
  if (status >= 400 && status < 500)
    return { status: 400, body: { error: { code: 'BAD_REQUEST', message } } };
  return {
    status: 500,
    body: {
      error: { code: 'INTERNAL', message: 'Something went wrong; the log of the dashboard says what.' },
    },
  };
}
