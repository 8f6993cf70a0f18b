import { EXIT_CODES } from './exit-codes.js';

/**
 * Stable codes that a failed job's `failedReason` starts with.
 *
 * `CRASHED_WORKER` and `CANCELLED` are ours to give; the others are faults of the job itself.
 */
export type JobErrorCode =
  'INVALID_JOB' | 'INVALID_IMAGE' | 'NO_FACE_DETECTED' | 'GALLERY_NOT_FOUND' | 'CANCELLED' | 'CRASHED_WORKER';

/** A job that no retry can mend. `message` is `CODE: sentence for a person`. */
export class JobError extends Error {
  override readonly name = 'JobError';

  constructor(
    readonly code: JobErrorCode,
    readonly sentence: string,
    options?: ErrorOptions,
  ) {
    super(`${code}: ${sentence}`, options);
  }
}

/** A picture that cannot be used: broken, not a picture, or over a limit. `message` is the sentence alone. */
export class ImageError extends Error {
  override readonly name = 'ImageError';
}

/**
 * This machine cannot read its photos, or cannot tell whom to exclude. It is not the job's fault: the job returns to the
 * queue, and the worker takes no jobs until it can. `message` is for operators.
 */
export class GalleryUnavailableError extends Error {
  override readonly name = 'GalleryUnavailableError';
}

/** A process that cannot start, and the exit code that says why to whoever started it. */
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

/** Every wrong configuration value, reported together. */
export class ConfigError extends StartupError {
  constructor(readonly problems: readonly string[]) {
    super(
      `Cannot start, the configuration is wrong:\n${problems.map((p) => `  - ${p}`).join('\n')}`,
      EXIT_CODES.badConfig,
    );
  }
}

/** The message of anything that was thrown. */
export function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
