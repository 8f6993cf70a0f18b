import type { FastifyInstance } from 'fastify';
import { VERSION } from '../../../shared/version.js';
import { ApiError } from '../../api/api-error.js';
import { NO_SESSION_COOKIE } from '../guard.js';
import { ANSWERS, BODIES } from '../schemas.js';
import type { RouteContext } from './context.js';

/** More than a person types, too few to guess a token. */
const LOGINS_PER_MINUTE = 10;

/** Exchanges the token for a session cookie. Programs send the token itself with every request. */
export function addSessionRoutes(app: FastifyInstance, { guard }: RouteContext): void {
  app.get(
    '/api/session',
    {
      schema: {
        summary: 'Check whether the client is logged in',
        tags: ['session'],
        response: { 200: ANSWERS.session },
      },
    },
    (request) => ({
      admitted: ['full', 'read'].includes(guard.identify(request)),
      read_only: guard.identify(request) === 'read',
      token_required: guard.tokenRequired,
      version: VERSION,
    }),
  );
  app.post<{ Body: unknown }>(
    '/api/session',
    {
      config: { rateLimit: { max: LOGINS_PER_MINUTE, timeWindow: '1 minute' } },
      validatorCompiler: () => () => true,
      schema: {
        summary: 'Log this browser in',
        tags: ['session'],
        body: BODIES.token,
        response: { 204: { type: 'null' }, 401: ANSWERS.failure, 429: ANSWERS.failure },
      },
    },
    async (request, reply) => {
      const { token } = (request.body ?? {}) as { token?: unknown };
      const role = typeof token === 'string' ? guard.roleOf(token) : null;
      if (role === null) throw new ApiError(401, 'UNAUTHORIZED', 'Wrong token.');
      return reply
        .status(204)
        .header('set-cookie', guard.sessionCookie(role, request.protocol === 'https'))
        .send();
    },
  );
  app.delete(
    '/api/session',
    { schema: { summary: 'Log this browser out', tags: ['session'], response: { 204: { type: 'null' } } } },
    (_request, reply) => reply.status(204).header('set-cookie', NO_SESSION_COOKIE).send(),
  );
}
