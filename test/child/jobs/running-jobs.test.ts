import type { Job } from 'bullmq';
import { beforeEach, expect, test } from 'vitest';
import { createRunningJobs, type RunningJobs } from '../../../src/child/jobs/running-jobs.js';

let running: RunningJobs;
let told: string[];

beforeEach(() => {
  told = [];
  running = createRunningJobs({
    onBegin: (id) => told.push(`begin ${id}`),
    onEnd: (id, outcome) => told.push(`end ${id} ${outcome}`),
  });
});

const fetched = (id: string) => ({ id }) as Job;

test('a job reports its end once', () => {
  const job = fetched('1');
  running.begin(job);
  expect(running.count()).toBe(1);
  expect(running.get(job)?.job).toBe(job);
  running.end(job, 'completed');
  running.end(job, 'returned');
  expect(running.count()).toBe(0);
  expect(running.get(job)).toBeNull();
  expect(told).toEqual(['begin 1', 'end 1 completed']);
});

test('if a job is fetched again before its end is recorded, its first run ends first', () => {
  const first = fetched('1');
  const second = fetched('1');
  running.begin(first);
  running.worked(first, 'failed');
  running.begin(second);
  running.end(first, 'failed');
  expect(told).toEqual(['begin 1', 'end 1 failed', 'begin 1']);
  expect(running.get(first)).toBeNull();
  expect(running.get(second)?.job).toBe(second);
});

test('a running job that is fetched again stops with a lost lock', () => {
  const first = fetched('1');
  running.begin(first);
  const entry = running.get(first);
  running.begin(fetched('1'));
  expect(entry?.stopped()).toBe('lock-lost');
  expect(entry?.signal.aborted).toBe(true);
  expect(told).toEqual(['begin 1', 'end 1 returned', 'begin 1']);
});

test('only the first stop cause counts', () => {
  const job = fetched('1');
  running.begin(job);
  running.byId('1')?.stop('cancelled');
  running.byId('1')?.stop('give-back');
  expect(running.get(job)?.stopped()).toBe('cancelled');
});
