import { expect, test } from 'vitest';
import { galleryHash, jobHash, kindOfJob, parseRoute } from '../../../../src/dashboard/web/lib/route.js';

test('the address names the page', () => {
  expect(parseRoute('#/workers')).toEqual({ page: 'workers' });
  expect(parseRoute('#/queue')).toEqual({ page: 'queue', job: null });
  expect(parseRoute('#/galleries')).toEqual({ page: 'galleries', stage: null });
  expect(parseRoute('#/search')).toEqual({ page: 'search' });
});

test('an unknown address shows the workers', () => {
  for (const hash of ['', '#', '#/', '#/nothing']) expect(parseRoute(hash)).toEqual({ page: 'workers' });
});

test('an address keeps any job id', () => {
  const id = 'a/b c%#?';
  expect(parseRoute(jobHash('index', id))).toEqual({ page: 'queue', job: { kind: 'index', id } });
});

test('an address keeps any stage', () => {
  const stage = 'Day-1/Morning & more%#?';
  expect(parseRoute(galleryHash(stage))).toEqual({ page: 'galleries', stage });
});

test('an incomplete or mistyped address shows the queue', () => {
  expect(parseRoute('#/queue/search/')).toEqual({ page: 'queue', job: null });
  expect(parseRoute('#/queue/other/1')).toEqual({ page: 'queue', job: null });
  expect(parseRoute('#/queue/search/%E0')).toEqual({ page: 'queue', job: { kind: 'search', id: '%E0' } });
});

test('the id tells an index batch from a search', () => {
  expect(kindOfJob('index-Zm9v')).toBe('index');
  expect(kindOfJob('1042')).toBe('search');
});
