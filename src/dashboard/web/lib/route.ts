import type { QueueKind } from '../../api/api.js';

export type Route =
  | { readonly page: 'workers' }
  | { readonly page: 'queue'; readonly job: { readonly kind: QueueKind; readonly id: string } | null }
  | { readonly page: 'try' };

/** `#/workers`, `#/queue`, `#/queue/search/<id>`, `#/try`; whatever else is the workers. */
export function parseRoute(hash: string): Route {
  const [page, kind, id] = hash.replace(/^#?\/?/, '').split('/');
  if (page === 'try') return { page };
  if (page !== 'queue') return { page: 'workers' };
  if ((kind !== 'search' && kind !== 'index') || id === undefined || id === '') return { page, job: null };
  return { page, job: { kind, id: decodeOr(id) } };
}

export function jobHash(kind: QueueKind, id: string): string {
  return `#/queue/${kind}/${encodeURIComponent(id)}`;
}

function decodeOr(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}

/** A worker's record names its job without the queue; index batches are named after what they are. */
export function kindOfJob(id: string): QueueKind {
  return id.startsWith('index-') ? 'index' : 'search';
}
