import { EXIT_CODES } from './exit-codes.js';

/**
 * Stable codes at the start of a failed job's `failedReason`. All but `CANCELLED` and `CRASHED_WORKER` mean that the job
 * itself is invalid.
 */
export type JobErrorCode =
  'INVALID_JOB' | 'INVALID_IMAGE' | 'NO_FACE_DETECTED' | 'GALLERY_NOT_FOUND' | 'CANCELLED' | 'CRASHED_WORKER';

/** A non-retryable job. `message` is `CODE: sentence for a person`. */
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

/** An unusable image: broken, not an image, or over a limit. `message` is the sentence alone. */
export class ImageError extends Error {
  override readonly name = 'ImageError';
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
