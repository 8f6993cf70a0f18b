import { expect, test } from 'vitest';
import { describeOptOutGap } from '../../../src/gallery/store/opt-out-gap.js';

const entriesOf = (...keys: string[]) => keys.map((packKey) => ({ packKey }));

test.each([[[]], [['new']], [['new', 'new', 'old', 'old']]])(
  'gives no warning if the pack lacks no opt-out: %j',
  (keys) => {
    expect(describeOptOutGap(entriesOf(...keys), 'new')).toBeNull();
  },
);

test('says what to do if another pack has more people', () => {
  expect(describeOptOutGap(entriesOf('old'), 'new')).toMatch(
    /^The opt-out list has 1 entry for the model pack old but 0 for new, .*face-search forget --person SELFIE/,
  );
  expect(describeOptOutGap(entriesOf('old', 'new', 'older', 'old'), 'new')).toContain(
    'has 2 entries for the model pack old but 1 for new',
  );
});
