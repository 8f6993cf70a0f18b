import { expect, test } from 'vitest';
import { jobHash, kindOfJob, parseRoute } from '../../../../src/dashboard/web/lib/route.js';

test('the address names the page', () => {
  expect(parseRoute('#/workers')).toEqual({ page: 'workers' });
  expect(parseRoute('#/queue')).toEqual({ page: 'queue', job: null });
  expect(parseRoute('#/try')).toEqual({ page: 'try' });
});

test('an address that names nothing shows the workers', () => {
  for (const hash of ['', '#', '#/', '#/nothing']) expect(parseRoute(hash)).toEqual({ page: 'workers' });
});

test('a job keeps its id in the address, whatever is in it', () => {
  const id = 'a/b c%#?';
  expect(parseRoute(jobHash('index', id))).toEqual({ page: 'queue', job: { kind: 'index', id } });
});

test('an address that is cut off or mistyped shows the queue', () => {
  expect(parseRoute('#/queue/search/')).toEqual({ page: 'queue', job: null });
  expect(parseRoute('#/queue/other/1')).toEqual({ page: 'queue', job: null });
  expect(parseRoute('#/queue/search/%E0')).toEqual({ page: 'queue', job: { kind: 'search', id: '%E0' } });
});

test('a batch of the index is known by its id', () => {
  expect(kindOfJob('index-Zm9v')).toBe('index');
  expect(kindOfJob('1042')).toBe('search');
});
