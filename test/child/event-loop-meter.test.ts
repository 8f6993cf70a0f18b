import { setTimeout as delay } from 'node:timers/promises';
import { expect, test } from 'vitest';
import { createEventLoopMeter } from '../../src/child/event-loop-meter.js';

function block(forMs: number): void {
  Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, forMs);
}

test('returns the longest time that the event loop was blocked since the last call', async () => {
  const meter = createEventLoopMeter();
  for (const blockedMs of [400, 200]) {
    block(blockedMs);
    // The delay is seen when the loop turns again.
    await delay(1);
    expect(meter.takeMaxMs()).toBeGreaterThanOrEqual(blockedMs - 50);
    expect(meter.takeMaxMs()).toBe(0);
  }
  meter.stop();
});
