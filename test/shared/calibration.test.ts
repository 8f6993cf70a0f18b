import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { type Anchor, createCalibration, isCalibration } from '../../src/shared/calibration.js';

const manifest = JSON.parse(readFileSync(new URL('../../models/manifest.json', import.meta.url), 'utf8')) as {
  packs: Record<string, { calibration: Anchor[] }>;
};

const CALIBRATIONS: [string, readonly Anchor[]][] = [
  ...Object.entries(manifest.packs).map(([name, pack]): [string, Anchor[]] => [name, pack.calibration]),
  [
    'a straight line',
    [
      [-1, 0],
      [1, 1],
    ],
  ],
  [
    'a late rise',
    [
      [-1, 0],
      [0.5, 0.2],
      [1, 1],
    ],
  ],
  [
    'a steep step between two plains',
    [
      [-1, 0],
      [0.4, 0.01],
      [0.5, 0.99],
      [1, 1],
    ],
  ],
];

const STEP = 1e-3;
const grid = Array.from({ length: 2001 }, (_, i) => Math.min(1, -1 + i * STEP));

describe.each(CALIBRATIONS)('the calibration of %s', (_, anchors) => {
  const { scoreOf, cosineOf } = createCalibration(anchors);

  it('goes through its anchors', () => {
    for (const [cosine, score] of anchors) expect(scoreOf(cosine)).toBeCloseTo(score, 12);
  });

  it('rises everywhere, from 0 to 1', () => {
    expect(scoreOf(-1)).toBe(0);
    expect(scoreOf(1)).toBe(1);
    for (const cosine of grid.slice(1)) expect(scoreOf(cosine)).toBeGreaterThan(scoreOf(cosine - STEP));
  });

  it('has the same slope on both sides of each anchor', () => {
    const h = 1e-8;
    for (const [cosine, score] of anchors.slice(1, -1)) {
      const before = (score - scoreOf(cosine - h)) / h;
      const after = (scoreOf(cosine + h) - score) / h;
      expect(after / before).toBeCloseTo(1, 2);
    }
  });

  it('clamps values beyond its ends, because rounding produces cosines of 1.0000001', () => {
    for (const beyond of [1.000_000_1, 3]) {
      expect(scoreOf(beyond)).toBe(1);
      expect(scoreOf(-beyond)).toBe(0);
    }
    expect(cosineOf(1)).toBeCloseTo(1, 9);
    expect(cosineOf(0)).toBeCloseTo(-1, 9);
  });

  it('can be inverted', () => {
    for (const cosine of grid) expect(Math.abs(cosineOf(scoreOf(cosine)) - cosine)).toBeLessThan(1e-9);
    for (const score of [0.001, 0.25, 0.5, 0.6, 0.75, 0.999]) {
      expect(Math.abs(scoreOf(cosineOf(score)) - score)).toBeLessThan(1e-9);
    }
  });
});

describe('a calibration is rejected if it', () => {
  it.each<[string, Anchor[]]>([
    ['has no anchors', []],
    ['has one', [[-1, 0]]],
    [
      'begins later than -1',
      [
        [-0.9, 0],
        [1, 1],
      ],
    ],
    [
      'begins above 0',
      [
        [-1, 0.1],
        [1, 1],
      ],
    ],
    [
      'ends before 1',
      [
        [-1, 0],
        [0.9, 1],
      ],
    ],
    [
      'ends below 1',
      [
        [-1, 0],
        [1, 0.9],
      ],
    ],
    [
      'falls',
      [
        [-1, 0],
        [0, 0.6],
        [0.5, 0.5],
        [1, 1],
      ],
    ],
    [
      'is level',
      [
        [-1, 0],
        [0, 0.5],
        [0.5, 0.5],
        [1, 1],
      ],
    ],
    [
      'goes back',
      [
        [-1, 0],
        [0.5, 0.4],
        [0.4, 0.5],
        [1, 1],
      ],
    ],
    [
      'jumps',
      [
        [-1, 0],
        [0.5, 0.4],
        [0.5, 0.5],
        [1, 1],
      ],
    ],
    [
      'has no number',
      [
        [-1, 0],
        [Number.NaN, 0.5],
        [1, 1],
      ],
    ],
  ])('%s', (_, anchors) => {
    expect(isCalibration(anchors)).toBe(false);
    expect(() => createCalibration(anchors)).toThrow(/must rise from \[-1, 0\] to \[1, 1\], but is \[/);
  });
});
