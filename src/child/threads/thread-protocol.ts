import {
  GalleryUnavailableError,
  ImageError,
  type ImageProblem,
  JobError,
  type JobErrorCode,
  messageOf,
} from '../../shared/errors.js';

/** The calls of a thread: the argument and the result of each name. Plain data only. */
export type Calls = Record<string, { readonly argument: unknown; readonly result: unknown }>;

/** Every message from the main thread to one of its threads. */
export type ThreadRequest =
  | { readonly type: 'call'; readonly id: number; readonly name: string; readonly argument: unknown }
  /** Finish the running calls and end. */
  | { readonly type: 'stop' };

/** Every message from a thread to the main thread. */
export type ThreadReply =
  | { readonly type: 'ready' }
  /** The thread could not start and ends. */
  | { readonly type: 'unable'; readonly message: string }
  | { readonly type: 'result'; readonly id: number; readonly result: unknown }
  | { readonly type: 'failed'; readonly id: number; readonly error: ThreadError };

/** An error as plain data, because messages between threads do not keep an error's class. */
export type ThreadError =
  | { readonly kind: 'image'; readonly message: string; readonly problem: ImageProblem }
  | {
      readonly kind: 'job';
      readonly code: JobErrorCode;
      readonly detail: string;
      readonly sentence: string;
    }
  | { readonly kind: 'gallery'; readonly message: string }
  | { readonly kind: 'machine'; readonly message: string };

export function packError(error: unknown): ThreadError {
  if (error instanceof ImageError) return { kind: 'image', message: error.message, problem: error.problem };
  if (error instanceof JobError) {
    const { code, detail, sentence } = error;
    return { kind: 'job', code, detail, sentence };
  }
  if (error instanceof GalleryUnavailableError) return { kind: 'gallery', message: error.message };
  return { kind: 'machine', message: messageOf(error) };
}

export function unpackError(error: ThreadError): Error {
  switch (error.kind) {
    case 'image':
      return new ImageError(error.message, error.problem);
    case 'job':
      return new JobError(error.code, error.detail, { sentence: error.sentence });
    case 'gallery':
      return new GalleryUnavailableError(error.message);
    case 'machine':
      return new Error(error.message);
  }
}
