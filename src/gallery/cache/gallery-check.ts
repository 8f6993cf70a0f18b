import { GalleryUnavailableError } from '../../shared/errors.js';
import type { PhotoSource } from '../source/photo-source.js';

/** Knows whether this machine can search its galleries at the moment. */
export interface GalleryCheck {
  /**
   * Resolves with a problem for operators, or `null`. Does not wait for Redis: a check that does not resolve means that
   * the file system hangs.
   */
  check(): Promise<string | null>;
  /** Runs `work`. If the gallery is unavailable, checks report it until the same work succeeds. */
  run<T>(work: () => Promise<T>): Promise<T>;
}

interface Failure {
  readonly reason: string;
  readonly work: () => Promise<unknown>;
}

/** @param probe work that every check tries in the background */
export function createGalleryCheck(
  source: Pick<PhotoSource, 'check'>,
  probe: () => Promise<unknown>,
): GalleryCheck {
  let failure: Failure | null = null;
  let isTrying = false;

  const run = async <T>(work: () => Promise<T>): Promise<T> => {
    try {
      return await work();
    } catch (error) {
      if (error instanceof GalleryUnavailableError) failure = { reason: error.message, work };
      throw error;
    }
  };

  const tryAgain = async (work: () => Promise<unknown>): Promise<void> => {
    if (isTrying) return;
    isTrying = true;
    const before = failure;
    try {
      await run(work);
    } catch {
      // `run` has remembered what matters here.
    } finally {
      if (failure === before) failure = null;
      isTrying = false;
    }
  };

  return {
    run,
    check: async () => {
      const problem = await source.check();
      if (problem !== null) return problem;
      void tryAgain(failure?.work ?? probe);
      return failure?.reason ?? null;
    },
  };
}
