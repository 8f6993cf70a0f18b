import { availableParallelism } from 'node:os';
import type { ProviderName } from './session.js';

/** One thread decodes and aligns while the other's batch is on the GPU. */
const GPU_THREADS = 2;

/** As for ENGINE_THREADS. Each thread has its own models and buffers. */
const MAX_CPU_THREADS = 64;

/** While one image is in inference, the thread decodes the next one. */
const CPU_IN_FLIGHT = 2;
/** A GPU computes several images in one run (`gather-runs.ts`). */
const GPU_IN_FLIGHT = 8;

/** Number of images that an engine thread works on at once. */
export function imagesInFlight(provider: ProviderName): number {
  return provider === 'cpu' ? CPU_IN_FLIGHT : GPU_IN_FLIGHT;
}

/**
 * Number of engine threads, and of intra-op threads per session. On a CPU, one single-threaded engine thread per core is
 * faster than fewer threads that share the work on one image (docs/engine-figures.md).
 *
 * @param wanted `null` to choose by the machine
 * @param cores processor cores for this process
 */
export function chooseThreads(
  provider: ProviderName,
  wanted: number | null,
  cores = availableParallelism(),
): { threads: number; intraOpThreads: number } {
  const chosen = provider === 'cpu' ? Math.min(MAX_CPU_THREADS, cores) : GPU_THREADS;
  return { threads: wanted ?? chosen, intraOpThreads: 1 };
}
