import { expect, test } from 'vitest';
import { type ExpansionRule, searchExpanded } from '../../src/gallery/expand-probe.js';

const RULE = { confidentCosine: 0.6, agreeingCosine: 0.5 };

/** A unit vector: shares of the person's own direction and of others. */
function vector(...components: number[]): Float32Array {
  const length = Math.hypot(...components);
  return Float32Array.from({ length: 4 }, (_, i) => (components[i] ?? 0) / length);
}

const PROBE = vector(1);

/** Names of the photos that match, from the best, and what the expansion rested on. */
function search(
  photos: Record<string, Float32Array>,
  { minCosine = 0.6, rule = RULE }: { minCosine?: number; rule?: ExpansionRule | null } = {},
) {
  let scans = 0;
  const { matches, expandedBy } = searchExpanded(
    PROBE,
    minCosine,
    rule,
    (probe, atLeast) => {
      scans += 1;
      return Object.entries(photos)
        .map(([name, embedding]) => ({
          name,
          embedding,
          cosine: embedding.reduce((sum, component, i) => sum + component * (probe[i] ?? 0), 0),
        }))
        .filter(({ cosine }) => cosine >= atLeast);
    },
    ({ embedding }) => embedding,
  );
  const names = matches.toSorted((a, b) => b.cosine - a.cosine).map(({ name }) => name);
  return { names, matches, expandedBy, scans };
}

const GOOD = { a: vector(1, 1), b: vector(1, 0.8, 0.5) };
/** Less like the selfie than a match must be, but like the other photos. */
const SIDEWAYS = vector(1, 1.5);

test('a photo that is like the confident matches is found by a second scan', () => {
  const { names, expandedBy, scans } = search({ ...GOOD, sideways: SIDEWAYS });
  expect(names).toContain('sideways');
  expect({ expandedBy, scans }).toEqual({ expandedBy: 2, scans: 2 });
});

test('without a rule, or without a confident match, there is one scan', () => {
  expect(search({ ...GOOD, sideways: SIDEWAYS }, { rule: null })).toMatchObject({ scans: 1, expandedBy: 0 });
  expect(search({ sideways: SIDEWAYS }, { minCosine: 0.5 })).toMatchObject({
    names: ['sideways'],
    scans: 1,
    expandedBy: 0,
  });
});

test('a stranger among the confident matches does not pull the probe away', () => {
  const stranger = vector(1, -0.3, 1.2);
  const friend = vector(0.6, -0.3, 1.4);
  const { names, expandedBy } = search({ ...GOOD, c: vector(1, 0.9, -0.3), stranger, friend });
  expect(expandedBy).toBe(3);
  expect(names).not.toContain('friend');
});

test("neither the selfie's own file nor copies of a photo count as confident matches", () => {
  const copies = Object.fromEntries(Array.from({ length: 9 }, (_, i) => [`copy${i}`, vector(1, 1)]));
  expect(search({ ...copies, selfie: PROBE }).expandedBy).toBe(1);
  expect(search({ selfie: PROBE }).expandedBy).toBe(0);
});

function cosineOf(photos: Record<string, Float32Array>, name: string): number {
  return search(photos, { minCosine: 0 }).matches.find((match) => match.name === name)?.cosine ?? Number.NaN;
}

test('a match that joins the probe does not raise its own cosine', () => {
  const alone = vector(1, 1);
  expect(cosineOf({ alone }, 'alone')).toBeCloseTo(Math.SQRT1_2, 5);
  // Neither does a copy of it.
  const copy = vector(1, 1.001);
  expect(cosineOf({ alone, copy }, 'alone')).toBeCloseTo(Math.SQRT1_2, 3);
  // Another confident match may raise it.
  expect(cosineOf({ alone, ...GOOD }, 'alone')).toBeGreaterThan(0.8);
});

test("the selfie's own file keeps its cosine of 1", () => {
  const { matches, expandedBy } = search({ ...GOOD, selfie: PROBE });
  expect(expandedBy).toBe(2);
  expect(matches.find(({ name }) => name === 'selfie')?.cosine).toBeCloseTo(1, 5);
});

test('at most ten matches join the probe', () => {
  const many = Object.fromEntries(
    Array.from({ length: 30 }, (_, i) => [
      `p${i}`,
      vector(1, 0.5 * Math.cos(i), 0.5 * Math.sin(i), 0.3 * (i % 3)),
    ]),
  );
  expect(search(many).expandedBy).toBeLessThanOrEqual(10);
});

test('a threshold above or below the confident cosine is kept', () => {
  const strict = search({ ...GOOD, sideways: SIDEWAYS }, { minCosine: 0.95 });
  expect(strict.matches.every(({ cosine }) => cosine >= 0.95)).toBe(true);
  expect(strict.expandedBy).toBe(2);
  const loose = search({ ...GOOD, far: vector(0.4, 1) }, { minCosine: 0.3 });
  expect(loose.names).toContain('far');
});
