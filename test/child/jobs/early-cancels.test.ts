import { describe, expect, it } from 'vitest';
import { createEarlyCancels } from '../../../src/child/jobs/early-cancels.js';

describe('the cancels that arrive before their job', () => {
  it('are kept for ten seconds', () => {
    let nowMs = 0;
    const cancels = createEarlyCancels(() => nowMs);
    cancels.add('1');
    nowMs = 9999;
    expect([cancels.has('1'), cancels.has('2')]).toEqual([true, false]);
    nowMs = 10_000;
    expect(cancels.has('1')).toBe(false);
  });

  it('are at most a thousand, the newest ones', () => {
    const cancels = createEarlyCancels(() => 0);
    for (let id = 0; id <= 1000; id += 1) cancels.add(String(id));
    expect([cancels.has('0'), cancels.has('1'), cancels.has('1000')]).toEqual([false, true, true]);
  });
});
