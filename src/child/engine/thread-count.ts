import { availableParallelism } from 'node:os';
import type { ProviderName } from './session.js';

/** A GPU is fed by two threads: one decodes and aligns while the other's batch is on the card. */
const GPU_THREADS = 2;

/** While one picture is in inference, the thread decodes the next one. */
const CPU_IN_FLIGHT = 2;
/** A GPU computes several pictures in one run (`gather-runs.ts`). */
const GPU_IN_FLIGHT = 8;

/** Pictures that an engine thread is given at once. */
export function imagesInFlight(provider: ProviderName): number {
  return provider === 'cpu' ? CPU_IN_FLIGHT : GPU_IN_FLIGHT;
}

/**
 * Engine threads and intra-op threads a session. On a CPU one engine thread a processor, each on its own,
 * beats fewer threads that share the work of one picture (the table is in docs/engine.md).
 *
 * @param wanted null chooses by the machine
 */
export function chooseThreads(
  provider: ProviderName,
  wanted: number | null,
): { threads: number; intraOpThreads: number } {
  const chosen = provider === 'cpu' ? availableParallelism() : GPU_THREADS;
  return { threads: wanted ?? chosen, intraOpThreads: 1 };
}
