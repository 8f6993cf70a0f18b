import { EXIT_CODES } from './exit-codes.js';

/** Stable codes that a failed job's `failedReason` starts with. */
export type JobErrorCode =
  | 'INVALID_JOB'
  | 'INVALID_IMAGE'
  | 'NO_FACE_DETECTED'
  | 'GALLERY_NOT_FOUND'
  | 'GALLERY_TOO_LARGE'
  | 'CANCELLED'
  | 'CRASHED_WORKER';

/** Portals show `failedReason` to the student as it is: say what happened and what to do. */
const SENTENCES: Readonly<Record<JobErrorCode, string>> = {
  INVALID_JOB: 'We could not start this search. Please go back and start it again.',
  INVALID_IMAGE: 'We could not open your photo. Please choose another one, for example a JPEG or PNG file.',
  NO_FACE_DETECTED:
    'We could not find a face in your photo. Please take another one in good light, facing the camera.',
  GALLERY_NOT_FOUND: 'We could not find the photos for this search. Please try again later.',
  GALLERY_TOO_LARGE: 'We cannot search the photos of this event at the moment. Please tell the organizers.',
  CANCELLED: 'This search was cancelled. You can start a new one.',
  CRASHED_WORKER:
    'We could not finish this search because of a technical problem. Please try again with another photo.',
};

export interface JobErrorOptions extends ErrorOptions {
  /** For the student, if the code's own sentence is not specific enough. */
  readonly sentence?: string;
}

/**
 * A job that no retry can fix. `message` is `CODE: sentence for the student`.
 *
 * `detail` is for operators: it belongs in the job's log and the worker's log.
 */
export class JobError extends Error {
  override readonly name = 'JobError';
  readonly sentence: string;

  constructor(
    readonly code: JobErrorCode,
    readonly detail: string,
    { sentence = SENTENCES[code], ...options }: JobErrorOptions = {},
  ) {
    super(`${code}: ${sentence}`, options);
    this.sentence = sentence;
  }
}

/** What is wrong with an image, as far as its owner can fix it. */
export type ImageProblem = 'unreadable' | 'unknown-format' | 'incomplete' | 'too-large';

/** An image that cannot be used: broken, not an image, or over a limit. `message` is for operators. */
export class ImageError extends Error {
  override readonly name = 'ImageError';

  constructor(
    message: string,
    readonly problem: ImageProblem = 'unreadable',
    options?: ErrorOptions,
  ) {
    super(message, options);
  }
}

/**
 * This machine cannot read its photos, or does not know whom to exclude. It is not the job's fault: the job returns to the
 * queue, and the worker takes no jobs until it can. `message` is for operators.
 */
export class GalleryUnavailableError extends Error {
  override readonly name = 'GalleryUnavailableError';
}

/** A process cannot start. The exit code tells the service manager why. */
export class StartupError extends Error {
  override readonly name = 'StartupError';

  constructor(
    message: string,
    readonly exitCode: number,
    options?: ErrorOptions,
  ) {
    super(message, options);
  }
}

/** All invalid configuration values, reported together. */
export class ConfigError extends StartupError {
  constructor(readonly problems: readonly string[]) {
    super(
      `Cannot start: the configuration is invalid:\n${problems.map((p) => `  - ${p}`).join('\n')}`,
      EXIT_CODES.badConfig,
    );
  }
}

/** The message of a thrown value. */
export function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
