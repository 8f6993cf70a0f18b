import type { FastifyRequest } from 'fastify';
import { BOARD_PATH } from './routes/board.js';

/**
 * Who may use a route: `open` everyone, `read` also the read-only token, `full` only the full token. Without tokens
 * everyone has all rights.
 */
export type Access = 'open' | 'read' | 'full';

export type Role = Exclude<Access, 'open'>;

/**
 * Every route of the API. The read-only token sees how the fleet does. It sees no photo of a person and not in which
 * photos a person was found, and it changes nothing.
 */
const ROUTES: Readonly<Record<string, Access>> = {
  'GET /healthz': 'open',
  'GET /readyz': 'open',
  'GET /api/openapi.json': 'open',
  'GET /api/session': 'open',
  'POST /api/session': 'open',
  'DELETE /api/session': 'open',

  'GET /metrics': 'read',
  'GET /api/events': 'read',
  'GET /api/workers': 'read',
  'GET /api/queues/:kind/jobs': 'read',
  // Without its matches, see `src/dashboard/http/routes/queues.ts`.
  'GET /api/queues/:kind/jobs/:id': 'read',
  'GET /api/galleries': 'read',
  'GET /api/galleries/:stage': 'read',

  'POST /api/workers/:id/pause': 'full',
  'POST /api/workers/:id/resume': 'full',
  'POST /api/workers/:id/restart': 'full',
  'POST /api/machines/:hostname/pause': 'full',
  'POST /api/machines/:hostname/resume': 'full',
  'POST /api/machines/:hostname/restart': 'full',
  'POST /api/searches': 'full',
  'GET /api/searches/:id': 'full',
  'DELETE /api/searches/:id': 'full',
  'GET /api/searches/:id/events': 'full',
  'GET /api/searches/:id/photos/:rank': 'full',
  'POST /api/queues/:kind/jobs/:id/retry': 'full',
  'DELETE /api/queues/:kind/jobs/:id': 'full',
  'POST /api/galleries/:stage/index': 'full',
  'DELETE /api/galleries/:stage': 'full',
  'GET /api/opt-outs': 'full',
  'DELETE /api/opt-outs/:id': 'full',
};

/** @returns `null` for a route that is not in the table; the server then does not start */
export function accessOf(method: string, url: string): Access | null {
  const listed = ROUTES[`${method === 'HEAD' ? 'GET' : method} ${url}`];
  if (listed !== undefined) return listed;
  // The board shows the raw queues.
  if (url === BOARD_PATH || url.startsWith(`${BOARD_PATH}/`)) return 'full';
  const isFileOfPage = method === 'GET' || method === 'HEAD';
  return isFileOfPage && !url.startsWith('/api/') ? 'open' : null;
}

/** What a request needs. An address without a route is open: it is answered with 404. */
export function neededAccess({ method, routeOptions: { url } }: FastifyRequest): Access {
  return url === undefined ? 'open' : (accessOf(method, url) ?? 'full');
}
