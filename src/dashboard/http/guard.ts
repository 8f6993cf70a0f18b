import { createHash, createHmac, timingSafeEqual } from 'node:crypto';
import { isIP } from 'node:net';
import type { FastifyRequest } from 'fastify';
import { ApiError } from '../api/api-error.js';
import type { Role } from './access.js';

const COOKIE = 'face_search_session';
/** After this time a browser asks for the token again. */
const SESSION_S = 30 * 86_400;

/** Checks who may use the dashboard. */
export interface Guard {
  readonly tokenRequired: boolean;
  /** How the request identifies itself: by a valid token or session, a wrong token, or nothing. */
  identify(request: FastifyRequest): Role | 'wrong token' | 'anonymous';
  /** In constant time. @returns `null` for a wrong token */
  roleOf(token: string): Role | null;
  /** For `Set-Cookie`. */
  sessionCookie(role: Role, isEncrypted: boolean): string;
}

export interface Tokens {
  /** `null` gives all rights to everyone who can reach the loopback interface. */
  readonly full: string | null;
  readonly read: string | null;
}

export function createGuard({ full, read }: Tokens): Guard {
  const keys = [
    ...(full === null ? [] : [{ role: 'full' as const, token: full, session: sessionOf(full) }]),
    ...(read === null ? [] : [{ role: 'read' as const, token: read, session: sessionOf(read) }]),
  ];
  const roleOf = (kind: 'token' | 'session', text: string): Role | null =>
    keys.filter((key) => isSame(text, key[kind]))[0]?.role ?? null;

  return {
    tokenRequired: full !== null,
    identify: ({ headers }) => {
      if (full === null) return 'full';
      const [, bearer] = /^Bearer (.+)$/i.exec(headers.authorization ?? '') ?? [];
      if (bearer !== undefined) return roleOf('token', bearer) ?? 'wrong token';
      const [, cookie] = new RegExp(`(?:^|;\\s*)${COOKIE}=([\\w-]+)`).exec(headers.cookie ?? '') ?? [];
      return (cookie === undefined ? null : roleOf('session', cookie)) ?? 'anonymous';
    },
    roleOf: (token) => roleOf('token', token),
    sessionCookie: (role, isEncrypted) => {
      const session = keys.find((key) => key.role === role)?.session ?? '';
      return `${COOKIE}=${session}; Path=/; HttpOnly; SameSite=Strict; Max-Age=${SESSION_S}${isEncrypted ? '; Secure' : ''}`;
    },
  };
}

/** Derived from the token: the cookie does not reveal the token, and a new token ends all sessions. */
function sessionOf(token: string): string {
  return createHmac('sha256', token).update('dashboard session').digest('base64url');
}

export const NO_SESSION_COOKIE = `${COOKIE}=; Path=/; HttpOnly; SameSite=Strict; Max-Age=0`;

/**
 * A page of another site can make an operator's browser send requests; the browser's headers show it.
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
 * Without a token every local request is admitted. To stop DNS rebinding, where another site points its own name at
 * this machine, the host must be `localhost` or an IP address.
 *
 * @throws {ApiError} `WRONG_HOST`
 */
export function refuseOtherNames({ headers }: FastifyRequest): void {
  // Not `request.host`: a page can set `X-Forwarded-Host`.
  const url = `http://${headers.host ?? ''}`;
  const name = URL.canParse(url) ? new URL(url).hostname.replace(/^\[|\]$/g, '') : '';
  if (name === 'localhost' || isIP(name) !== 0) return;
  throw new ApiError(403, 'WRONG_HOST', 'Use the address localhost, or set DASHBOARD_TOKEN.');
}

function hostOf(origin: string): string | null {
  return URL.canParse(origin) ? new URL(origin).host : null;
}

/** Hashes first: `timingSafeEqual` needs equal lengths. */
function isSame(a: string, b: string): boolean {
  return timingSafeEqual(digestOf(a), digestOf(b));
}

function digestOf(text: string): Buffer {
  return createHash('sha256').update(text).digest();
}
