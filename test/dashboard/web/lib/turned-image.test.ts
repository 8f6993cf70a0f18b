import { expect, test } from 'vitest';
import type { TurnDeg } from '../../../../src/shared/job.js';
import { turnedSize, turnTransform } from '../../../../src/dashboard/web/lib/turned-image.js';

test.each<[TurnDeg, number, number, string]>([
  [0, 30, 20, ''],
  [90, 20, 30, 'translate(20 0) rotate(90)'],
  [180, 30, 20, 'translate(30 20) rotate(180)'],
  [270, 20, 30, 'translate(0 30) rotate(270)'],
])('an image that is turned by %i degrees has %i x %i pixels', (turn, width, height, transform) => {
  const size = { width: 30, height: 20 };
  expect(turnedSize(size, turn)).toEqual({ width, height });
  expect(turnTransform(size, turn)).toBe(transform);
});
