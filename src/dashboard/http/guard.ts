import { createHash, createHmac, timingSafeEqual } from 'node:crypto';
import { isIP } from 'node:net';
import type { FastifyRequest } from 'fastify';
import { ApiError } from '../api/api-error.js';

const COOKIE = 'face_search_session';
/** A browser that is closed for longer asks for the token again. */
const SESSION_S = 30 * 86_400;

/** Who may ask for what. */
export interface Guard {
  readonly tokenRequired: boolean;
  /** Whether the request carries the token (`Authorization: Bearer …`) or a browser's session. */
  admits(request: FastifyRequest): boolean;
  /** @throws {ApiError} `UNAUTHORIZED` */
  check(request: FastifyRequest): void;
  /** In constant time. */
  isToken(text: string): boolean;
  /** For `Set-Cookie`. */
  sessionCookie(isEncrypted: boolean): string;
}

/** @param token `null` admits everybody who reaches the loopback interface */
export function createGuard(token: string | null): Guard {
  // Not the token itself: what a browser keeps shall not open the API of a fleet whose token has changed, nor tell it.
  const session =
    token === null ? null : createHmac('sha256', token).update('dashboard session').digest('base64url');

  const admits = ({ headers }: FastifyRequest): boolean => {
    if (token === null || session === null) return true;
    const [, bearer] = /^Bearer (.+)$/i.exec(headers.authorization ?? '') ?? [];
    if (bearer !== undefined) return isSame(bearer, token);
    const [, cookie] = new RegExp(`(?:^|;\\s*)${COOKIE}=([\\w-]+)`).exec(headers.cookie ?? '') ?? [];
    return cookie !== undefined && isSame(cookie, session);
  };

  return {
    tokenRequired: token !== null,
    admits,
    check: (request) => {
      if (admits(request)) return;
      throw new ApiError(
        401,
        'UNAUTHORIZED',
        'Send the token of DASHBOARD_TOKEN: "Authorization: Bearer …".',
      );
    },
    isToken: (text) => token !== null && isSame(text, token),
    sessionCookie: (isEncrypted) =>
      `${COOKIE}=${session}; Path=/; HttpOnly; SameSite=Strict; Max-Age=${SESSION_S}${isEncrypted ? '; Secure' : ''}`,
  };
}

export const NO_SESSION_COOKIE = `${COOKIE}=; Path=/; HttpOnly; SameSite=Strict; Max-Age=0`;

/**
 * Another site's page may send requests from an operator's browser, but not without the browser's saying so.
 *
 * @throws {ApiError} `CROSS_SITE`
 */
export function refuseOtherSites({ method, headers }: FastifyRequest): void {
  if (method === 'GET' || method === 'HEAD') return;
  const site = headers['sec-fetch-site'];
  const isOurs =
    site === undefined
      ? headers.origin === undefined || hostOf(headers.origin) === headers.host
      : site === 'same-origin' || site === 'none';
  if (!isOurs) throw new ApiError(403, 'CROSS_SITE', 'This request comes from another site.');
}

/**
 * Without a token, whoever names this machine is let in: so that no other site can point a name of its own at it (DNS
 * rebinding), the name has to be this machine's.
 *
 * @throws {ApiError} `WRONG_HOST`
 */
export function refuseOtherNames({ headers }: FastifyRequest): void {
  // What the browser says, not what a page can add as `X-Forwarded-Host`.
  const url = `http://${headers.host ?? ''}`;
  const name = URL.canParse(url) ? new URL(url).hostname.replace(/^\[|\]$/g, '') : '';
  if (name === 'localhost' || isIP(name) !== 0) return;
  throw new ApiError(403, 'WRONG_HOST', 'Ask for it at localhost, or set DASHBOARD_TOKEN.');
}

function hostOf(origin: string): string | null {
  return URL.canParse(origin) ? new URL(origin).host : null;
}

/** Hashed first: so that they are equally long, and the comparison tells nothing of either. */
function isSame(a: string, b: string): boolean {
  return timingSafeEqual(digestOf(a), digestOf(b));
}

function digestOf(text: string): Buffer {
  return createHash('sha256').update(text).digest();
}
