// Linear feedback shift registers x^5 + x^2 + 1 and x^5 + x^4 + x^3 + x^2 + 1: a preferred pair.
const FIRST_TAPS = [5, 2];
const SECOND_TAPS = [5, 4, 3, 2];
const LENGTH = 31;

/** Number of codes: 33 sequences with 31 rotations each. */
const GOLD_CODE_COUNT = (LENGTH + 2) * LENGTH;

/**
 * The Gold code number `index`: 31 bits, any two of which correlate with at most 9 / 31 (R. Gold, "Optimal
 * binary sequences for spread spectrum multiplexing", 1967). So people with different codes never match.
 *
 * @param {number} index 0 to {@link GOLD_CODE_COUNT} - 1
 * @returns {readonly (0 | 1)[]}
 * @throws {RangeError} if there is no such code
 */
export function goldCode(index) {
  if (!Number.isInteger(index) || index < 0 || index >= GOLD_CODE_COUNT) {
    throw new RangeError(
      `The index must be a whole number from 0 to ${GOLD_CODE_COUNT - 1}, but is ${index}.`,
    );
  }
  const sequence = index % (LENGTH + 2);
  const rotation = Math.floor(index / (LENGTH + 2));
  const first = maximalSequence(FIRST_TAPS);
  const second = maximalSequence(SECOND_TAPS);
  return Array.from({ length: LENGTH }, (_, i) => {
    const at = (i + rotation) % LENGTH;
    const a = sequence === LENGTH + 1 ? 0 : (first[at] ?? 0);
    const b = sequence === LENGTH ? 0 : (second[(at + sequence) % LENGTH] ?? 0);
    return a === b ? 0 : 1;
  });
}

/** @param {readonly number[]} taps */
function maximalSequence(taps) {
  const bits = [1, 0, 0, 0, 0];
  while (bits.length < LENGTH) {
    bits.push(taps.reduce((sum, tap) => sum ^ (bits[bits.length - tap] ?? 0), 0));
  }
  return bits;
}
