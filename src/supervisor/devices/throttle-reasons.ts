/** Bits of NVML's `nvmlClocksEventReasons` (docs.nvidia.com, NVML API reference) that mean a GPU is held back. */
const REASONS = [
  [0x4, 'power cap'],
  [0x8, 'hardware slowdown'],
  [0x20, 'software thermal slowdown'],
  [0x40, 'hardware thermal slowdown'],
  [0x80, 'power brake'],
] as const;

/**
 * Why a GPU's clocks are held back. Idle clocks, clocks that were set by a person and clocks that follow those of other
 * GPUs are no trouble, and are left out.
 *
 * @param mask in hexadecimal, `null` where the driver does not tell
 */
export function throttleReasonsOf(mask: string | null): string[] | null {
  if (mask === null || !/^0x[\da-f]+$/i.test(mask)) return null;
  const bits = Number(mask);
  return REASONS.filter(([bit]) => (bits & bit) !== 0).map(([, name]) => name);
}
