import type { FastifyInstance, FastifyRequest } from 'fastify';
import { ApiError } from '../api/api-error.js';
import { neededAccess } from './access.js';
import type { Guard } from './guard.js';

/** More than a person mistypes, too few to guess a token. */
const WRONG_TOKENS_PER_MINUTE = 10;

/**
 * @returns a check that throws `UNAUTHORIZED` without a token or a session; `FORBIDDEN` if the read-only token does not
 * suffice; and `RATE_LIMITED` for every bearer token of a client that has sent too many wrong ones, so that a guess is
 * not confirmed either
 */
export function requireToken(app: FastifyInstance, guard: Guard): (request: FastifyRequest) => Promise<void> {
  const wrongTokens = app.createRateLimit({ max: WRONG_TOKENS_PER_MINUTE, timeWindow: '1 minute' });

  return async (request) => {
    const access = neededAccess(request);
    if (access === 'open') return;
    const identity = guard.identify(request);
    if (guard.tokenRequired && request.headers.authorization !== undefined) {
      const limit = await wrongTokens(request, { increment: identity === 'wrong token' });
      if (!limit.isAllowed && limit.isExceeded)
        throw new ApiError(
          429,
          'RATE_LIMITED',
          `At most ${WRONG_TOKENS_PER_MINUTE} wrong tokens a minute; try again in ${limit.ttlInSeconds} seconds.`,
        );
    }
    if (identity === 'wrong token' || identity === 'anonymous')
      throw new ApiError(
        401,
        'UNAUTHORIZED',
        'Send the token of DASHBOARD_TOKEN: "Authorization: Bearer …".',
      );
    if (access === 'full' && identity === 'read')
      throw new ApiError(
        403,
        'FORBIDDEN',
        'The read-only token cannot do this; it needs the token of DASHBOARD_TOKEN.',
      );
  };
}
