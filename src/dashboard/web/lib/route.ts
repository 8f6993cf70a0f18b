import type { QueueKind } from '../../api/api.js';

export type Route =
  | { readonly page: 'workers' }
  | { readonly page: 'queue'; readonly job: { readonly kind: QueueKind; readonly id: string } | null }
  | { readonly page: 'galleries'; readonly stage: string | null }
  | { readonly page: 'search' };

/** `#/workers`, `#/queue`, `#/queue/search/<id>`, `#/galleries/<stage>`, `#/search`. Any other hash shows the workers. */
export function parseRoute(hash: string): Route {
  const [page, kind, id] = hash.replace(/^#?\/?/, '').split('/');
  if (page === 'search') return { page };
  if (page === 'galleries') return { page, stage: kind === undefined || kind === '' ? null : decode(kind) };
  if (page !== 'queue') return { page: 'workers' };
  if ((kind !== 'search' && kind !== 'index') || id === undefined || id === '') return { page, job: null };
  return { page, job: { kind, id: decode(id) } };
}

export function jobHash(kind: QueueKind, id: string): string {
  return `#/queue/${kind}/${encodeURIComponent(id)}`;
}

export function galleryHash(stage: string): string {
  return `#/galleries/${encodeURIComponent(stage)}`;
}

function decode(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    // A mistyped address: the API answers that it knows no such job.
    return text;
  }
}

/** A worker's record has the id of its job, but not its queue. Ids of index batches start with `index-`. */
export function kindOfJob(id: string): QueueKind {
  return id.startsWith('index-') ? 'index' : 'search';
}
