import { describe, expect, it, test } from 'vitest';
import {
  formatAgo,
  formatCount,
  formatDuration,
  formatExit,
  formatLatency,
  formatMegabytes,
  formatPercent,
  formatRate,
  formatScore,
  formatSecondsTick,
  formatTemperature,
  plural,
} from '../../../../src/dashboard/web/lib/format.js';

test('an unknown value is a dash in every unit', () => {
  for (const format of [
    formatAgo,
    formatCount,
    formatDuration,
    formatLatency,
    formatMegabytes,
    formatPercent,
    formatRate,
    formatTemperature,
  ]) {
    expect(format(null)).toBe('–');
  }
});

describe('a duration shows its two largest units', () => {
  it.each([
    [0, '0 s'],
    [-3, '0 s'],
    [12.4, '12 s'],
    [59.6, '1 min'],
    [61, '1 min 1 s'],
    [3600, '1 h'],
    [3661, '1 h 1 min'],
    [93_600, '1 d 2 h'],
  ])('%d s is %s', (seconds, text) => expect(formatDuration(seconds)).toBe(text));
});

describe('an age shows its largest unit', () => {
  it.each([
    [-1, 'just now'],
    [1.4, 'just now'],
    [12, '12 s ago'],
    [119, '1 min ago'],
    [4000, '1 h ago'],
    [200_000, '2 d ago'],
  ])('%d s is %s', (seconds, text) => expect(formatAgo(seconds)).toBe(text));
});

describe('the time of a search keeps three digits', () => {
  it.each([
    [0.0854, '85 ms'],
    [0.9994, '999 ms'],
    [0.9996, '1.00 s'],
    [2.414, '2.41 s'],
    [9.996, '10.0 s'],
    [59.94, '59.9 s'],
    [59.96, '1 min'],
    [125, '2 min 5 s'],
  ])('%d s is %s', (seconds, text) => expect(formatLatency(seconds)).toBe(text));
});

describe('a tick of the time axis is short', () => {
  it.each([
    [0, '0'],
    [0.25, '250 ms'],
    [2.5, '2.5 s'],
    [5, '5 s'],
  ])('%d s is %s', (seconds, text) => expect(formatSecondsTick(seconds)).toBe(text));
});

test('memory is shown in MB, and in GB from about one gigabyte', () => {
  expect(formatMegabytes(734.2)).toBe('734 MB');
  expect(formatMegabytes(12_288)).toBe('12 GB');
  expect(formatMegabytes(3170)).toBe('3.1 GB');
});

test('a rate has a decimal only below ten', () => {
  expect(formatRate(0)).toBe('0');
  expect(formatRate(3.25)).toBe('3.3');
  expect(formatRate(1234.5)).toBe('1,235');
});

test('counts, percentages, temperatures and scores have their units and separators', () => {
  expect(formatCount(12_345)).toBe('12,345');
  expect(formatPercent(62.4)).toBe('62 %');
  expect(formatTemperature(71.6)).toBe('72 °C');
  expect(formatScore(0.48219)).toBe('0.482');
});

test('the count decides between singular and plural', () => {
  expect(plural(1, 'photo')).toBe('1 photo');
  expect(plural(0, 'photo')).toBe('0 photos');
  expect(plural(1200, 'batch', 'batches')).toBe('1,200 batches');
});

describe('the end of a child process in words', () => {
  const exit = { at: 0, code: null, signal: null, planned: false, error: null };
  it.each([
    [{ ...exit, signal: 'SIGSEGV' }, 'killed by SIGSEGV'],
    [{ ...exit, code: 70 }, 'exit code 70'],
    [{ ...exit, code: 0, planned: true }, 'exit code 0, as planned'],
    [exit, 'ended for an unknown reason'],
  ])('%o', (given, text) => expect(formatExit(given)).toBe(text));
});
