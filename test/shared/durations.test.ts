import { describe, expect, it } from 'vitest';
import {
  addHistograms,
  countOf,
  DURATION_BOUNDS_S,
  NO_DURATIONS,
  NO_SEARCHES,
  observeSearch,
  quantileOf,
  type SearchDurations,
  sinceHistogram,
} from '../../src/shared/durations.js';

const lasting = (run: number): SearchDurations => ({
  wait: 0.001,
  selfie: 0.02,
  gallery: 0.01,
  run,
  total: run,
});
const runsOf = (...seconds: number[]) =>
  seconds.reduce((histograms, run) => observeSearch(histograms, lasting(run)), NO_SEARCHES).run;

describe('the histograms of searches', () => {
  it('count a duration in the first bucket whose bound it does not exceed', () => {
    const { counts, sum } = runsOf(0.05, 0.0500001);
    expect(counts[DURATION_BOUNDS_S.indexOf(0.05)]).toBe(1);
    expect(counts[DURATION_BOUNDS_S.indexOf(0.075)]).toBe(1);
    expect(sum).toBeCloseTo(0.1, 5);
  });

  it('count durations above every bound in the last bucket', () => {
    expect(runsOf(1000).counts.at(-1)).toBe(1);
    expect(quantileOf(runsOf(1000), 0.5)).toBe(300);
  });

  it('have no quantile if they are empty', () => {
    expect(quantileOf(NO_DURATIONS, 0.5)).toBeNull();
  });

  it('interpolate quantiles within a bucket', () => {
    // Four between 1 and 1.5 s: half of them are below the middle.
    expect(quantileOf(runsOf(1.1, 1.2, 1.3, 1.4), 0.5)).toBeCloseTo(1.25);
    expect(quantileOf(runsOf(0.004, 1.1), 0.5)).toBeCloseTo(0.005);
    expect(quantileOf(runsOf(0.004, 1.1), 0.95)).toBeCloseTo(1.45);
  });

  it('add up over workers', () => {
    const both = addHistograms(runsOf(0.1, 2), runsOf(2));
    expect(countOf(both)).toBe(3);
    expect(both.sum).toBeCloseTo(4.1);
  });

  it('subtract an earlier histogram, and start again after a restart of the supervisor', () => {
    expect(countOf(sinceHistogram(runsOf(0.1), runsOf(0.1, 2)))).toBe(1);
    expect(countOf(sinceHistogram(runsOf(0.1, 2), runsOf(3)))).toBe(1);
  });
});
