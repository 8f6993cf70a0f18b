import type { OptOut } from './opt-outs.js';

/**
 * The list holds embeddings, which belong to one model pack each. After a change of the pack, its entries no longer apply.
 *
 * @returns what to do if another pack has more entries than `packKey`, otherwise `null`
 */
export function describeOptOutGap(
  entries: readonly Pick<OptOut, 'packKey'>[],
  packKey: string,
): string | null {
  const counts = new Map([[packKey, 0]]);
  for (const entry of entries) counts.set(entry.packKey, (counts.get(entry.packKey) ?? 0) + 1);
  const own = counts.get(packKey) ?? 0;
  const [other, most] = [...counts].reduce((a, b) => (b[1] > a[1] ? b : a));
  if (most <= own) return null;
  return `The opt-out list has ${most} ${most === 1 ? 'entry' : 'entries'} for the model pack ${other} but ${own} for ${packKey}, which is in use: people who have opted out are indexed and found again. Repeat for each of them: face-search forget --person SELFIE. Entries of a pack that is no longer used can then be taken off the list: face-search opt-outs remove ID`;
}
