/** Stable codes of failures of the API; `src/shared/errors.ts` has those of a job. */
export type FailureCode =
  | 'BAD_REQUEST'
  | 'UNAUTHORIZED'
  | 'FORBIDDEN'
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
  | 'REDIS_FULL'
  | 'REDIS_READONLY'
  | 'REDIS_DENIED'
  | 'TIMEOUT'
  | 'INTERNAL';

/** A request that fails, with a sentence for a person. */
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
