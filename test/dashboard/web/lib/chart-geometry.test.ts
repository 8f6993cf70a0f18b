import { describe, expect, it, test } from 'vitest';
import {
  areaPath,
  linearRange,
  linePath,
  logarithmicRange,
  minuteTicks,
  niceCeiling,
  type Scale,
  valueTicks,
  xOf,
  yOf,
} from '../../../../src/dashboard/web/lib/chart-geometry.js';

const scale: Scale = { from: 0, to: 600, min: 0, max: 100, width: 300, height: 50 };

describe('the upper edge of an axis is the next round number', () => {
  it.each([
    [0, 1],
    [Number.NaN, 1],
    [0.03, 0.05],
    [0.7, 1],
    [1, 1],
    [1.2, 2],
    [4.1, 5],
    [5.1, 10],
    [180, 200],
    [1000, 1000],
  ])('%d is below %d', (value, ceiling) => expect(niceCeiling(value)).toBeCloseTo(ceiling, 9));
});

test('time runs from left to right and values from the lower edge up', () => {
  expect([xOf(scale, 0), xOf(scale, 300), xOf(scale, 600)]).toEqual([0, 150, 300]);
  expect([yOf(scale, 0), yOf(scale, 25), yOf(scale, 100)]).toEqual([50, 37.5, 0]);
});

test('a value beyond the axis is drawn at its edge', () => {
  expect(yOf(scale, 140)).toBe(0);
  expect(yOf(scale, -3)).toBe(50);
});

test('a line goes through all known points', () => {
  const points = [
    { at: 0, value: 0 },
    { at: 300, value: 50 },
    { at: 600, value: 100 },
  ];
  expect(linePath(points, scale)).toBe('M0 50L150 25L300 0');
  expect(areaPath(points, scale)).toBe('M0 50L0 50L150 25L300 0L300 50Z');
});

test('a line breaks at an unknown value', () => {
  const points = [
    { at: 0, value: 0 },
    { at: 60, value: 0 },
    { at: 120, value: null },
    { at: 180, value: 100 },
    { at: 240, value: 100 },
  ];
  expect(linePath(points, scale)).toBe('M0 50L30 50M90 0L120 0');
});

test('a line breaks where samples are missing', () => {
  const points = [0, 5, 300, 305].map((at) => ({ at, value: 0 }));
  expect(linePath(points, scale, 30)).toBe('M0 50L2.5 50M150 50L152.5 50');
});

test('a single point is a dot', () => {
  expect(linePath([{ at: 300, value: 100 }], scale)).toBe('M150 0L150 0');
});

test('points before the left edge are not drawn', () => {
  expect(linePath([{ at: -60, value: 100 }], scale)).toBe('');
});

test('without points the path is empty', () => {
  expect(linePath([], scale)).toBe('');
  expect(areaPath([{ at: 0, value: null }], scale)).toBe('');
});

test('the time axis is labelled in minutes before now', () => {
  expect(minuteTicks(scale, 5)).toEqual([
    { x: 0, label: '−10 min' },
    { x: 150, label: '−5 min' },
    { x: 300, label: 'now' },
  ]);
});

test('a linear axis has labels at its edges and in the middle', () => {
  expect(valueTicks(linearRange([3, 42]))).toEqual([0, 25, 50]);
});

test('a logarithmic axis runs between powers of ten and labels each of them', () => {
  const range = logarithmicRange([0.05, 0.3, 30]);
  expect(valueTicks(range)).toEqual([0.01, 0.1, 1, 10, 100].map((tick) => expect.closeTo(tick, 9)));
  const logarithmic = { ...scale, ...range };
  expect(yOf(logarithmic, 1)).toBeCloseTo(25, 9);
  expect(yOf(logarithmic, 0)).toBe(50);
});

test('a logarithmic axis of one value, or of none, still spans a power of ten', () => {
  expect(logarithmicRange([0.1])).toMatchObject({ min: 0.1, max: 1 });
  expect(logarithmicRange([0])).toMatchObject({ min: 0.1, max: 1 });
});
