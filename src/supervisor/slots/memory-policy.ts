import type { Config } from '../../shared/config.js';
import type { ReplaceOrder } from './slot-state.js';

/** A new child loads its models while the old one still works. */
const HEADROOM = 1.5;

export interface MemoryFacts {
  readonly rssMb: number | null;
  readonly hostAvailableMb: number | null;
  readonly gpuUsedMb: number | null;
  readonly gpuFreeMb: number | null;
}

/** Whether the old and the new child fit into memory together. Unknown figures count as enough memory. */
export function chooseReplaceOrder(memory: MemoryFacts): 'start-first' | 'drain-first' {
  const hostFits = fits(memory.rssMb, memory.hostAvailableMb);
  const gpuFits = fits(memory.gpuUsedMb, memory.gpuFreeMb);
  return hostFits && gpuFits ? 'start-first' : 'drain-first';
}

function fits(usedMb: number | null, availableMb: number | null): boolean {
  return usedMb === null || availableMb === null || usedMb * HEADROOM <= availableMb;
}

/** How to replace a child that is over its limits; `null` if it is within them. */
export function chooseRecycling(memory: MemoryFacts, limits: Config['supervision']): ReplaceOrder | null {
  const excess = Math.max(
    ratio(memory.rssMb, limits.childMaxRssMb),
    ratio(memory.gpuUsedMb, limits.gpuMaxMemoryMb),
  );
  if (excess <= 1) return null;
  return excess > 2 ? 'at-once' : chooseReplaceOrder(memory);
}

function ratio(usedMb: number | null, limitMb: number): number {
  return usedMb === null || limitMb === 0 ? 0 : usedMb / limitMb;
}
