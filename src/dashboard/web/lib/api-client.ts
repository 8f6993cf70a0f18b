import type {
  ApiFailure,
  ApiProblem,
  GalleryDetails,
  GalleryList,
  GalleryForgotten,
  IndexStarted,
  JobDetails,
  JobState,
  JobSummary,
  QueueKind,
  Search,
  Session,
} from '../../api/api.js';
import type { WorkerAction } from './worker-state.js';

/** The server refused a request, or did not answer (status 0). `message` is a sentence for a person. */
export class RequestError extends Error {
  override readonly name = 'RequestError';
  readonly code: string;

  constructor(
    readonly status: number,
    problem: ApiProblem,
  ) {
    super(problem.message);
    this.code = problem.code;
  }
}

/** Any error in the form of the API's own failures. */
export function problemOf(error: unknown): ApiProblem {
  if (error instanceof RequestError) return { code: error.code, message: error.message };
  return { code: 'PAGE_ERROR', message: error instanceof Error ? error.message : String(error) };
}

/** The window gets this event when the server refuses this browser, for example after the session has expired. */
export const UNAUTHORIZED = 'unauthorized';

/** The server answers within seconds. A page that waits for ever would not ask again. */
const READ_TIMEOUT_MS = 10_000;
/** A selfie may take long to upload, and the server lists a gallery for up to a minute. */
const LONG_TIMEOUT_MS = 120_000;

async function request<T>(method: string, path: string, init: RequestInit = {}): Promise<T> {
  const isShort = method === 'GET' && !path.startsWith('/api/galleries');
  const timeout = AbortSignal.timeout(isShort ? READ_TIMEOUT_MS : LONG_TIMEOUT_MS);
  const signal = init.signal ? AbortSignal.any([init.signal, timeout]) : timeout;
  let response: Response;
  let body: unknown;
  try {
    response = await fetch(path, { method, ...init, signal });
    body = await response.json().catch((error: unknown) => {
      if (signal.aborted) throw error;
      return null;
    });
  } catch (error) {
    if (error instanceof DOMException && error.name === 'AbortError') throw error;
    throw new RequestError(0, {
      code: 'UNREACHABLE',
      message: 'The dashboard does not answer. Is its process running?',
    });
  }
  if (response.ok) return body as T;
  if (response.status === 401) window.dispatchEvent(new Event(UNAUTHORIZED));
  throw new RequestError(response.status, (body as ApiFailure | null)?.error ?? unexplained(response));
}

function unexplained(response: Response): ApiProblem {
  return {
    code: `HTTP_${response.status}`,
    message: `The dashboard answered ${response.status} without a reason.`,
  };
}

const segment = encodeURIComponent;

export const readSession = () => request<Session>('GET', '/api/session');
export const logOut = () => request<null>('DELETE', '/api/session');
export const logIn = (token: string) =>
  request<null>('POST', '/api/session', {
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ token }),
  });

export const commandWorker = (id: string, action: WorkerAction) =>
  request<unknown>('POST', `/api/workers/${segment(id)}/${action}`);
export const commandMachine = (hostname: string, action: WorkerAction) =>
  request<unknown>('POST', `/api/machines/${segment(hostname)}/${action}`);

export interface JobPage {
  readonly jobs: readonly JobSummary[];
  readonly total: number;
}

export const listJobs = (kind: QueueKind, state: JobState, count: number, signal: AbortSignal) =>
  request<JobPage>('GET', `/api/queues/${kind}/jobs?state=${state}&start=0&count=${count}`, { signal });
export const readJob = (kind: QueueKind, id: string, signal: AbortSignal) =>
  request<JobDetails>('GET', `/api/queues/${kind}/jobs/${segment(id)}`, { signal });
export const retryJob = (kind: QueueKind, id: string) =>
  request<unknown>('POST', `/api/queues/${kind}/jobs/${segment(id)}/retry`);
export const removeJob = (kind: QueueKind, id: string) =>
  request<unknown>('DELETE', `/api/queues/${kind}/jobs/${segment(id)}`);

export const listGalleries = (signal: AbortSignal) =>
  request<GalleryList>('GET', '/api/galleries', { signal });
export const readGallery = (stage: string, signal: AbortSignal) =>
  request<GalleryDetails>('GET', `/api/galleries/${segment(stage)}`, { signal });
export const indexGallery = (stage: string) =>
  request<IndexStarted>('POST', `/api/galleries/${segment(stage)}/index`);
export const forgetGallery = (stage: string) =>
  request<GalleryForgotten>('DELETE', `/api/galleries/${segment(stage)}`);

export interface NewSearch {
  readonly stage: string;
  /** Empty for the configured default. */
  readonly threshold: string;
  readonly limit: string;
  readonly images: readonly File[];
}

export function startSearch({ stage, threshold, limit, images }: NewSearch): Promise<Search> {
  const form = new FormData();
  // Text fields first: the server reads the parts in order and can refuse a search before it has read the images.
  form.set('stage', stage);
  if (threshold !== '') form.set('threshold', threshold);
  if (limit !== '') form.set('limit', limit);
  for (const image of images) form.append('image', image, image.name);
  return request<Search>('POST', '/api/searches', { body: form });
}

export const searchEventsPath = (id: string) => `/api/searches/${segment(id)}/events`;
export const cancelSearch = (id: string) => request<unknown>('DELETE', `/api/searches/${segment(id)}`);
