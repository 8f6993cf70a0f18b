import { Queue } from 'bullmq';
import { Redis } from 'ioredis';
import { describe, expect, onTestFinished, test } from 'vitest';
import { startRedisServer } from '../../../scripts/support/redis-server.mjs';
import { addLogLines, createJobLog } from '../../../src/child/jobs/job-log.js';

async function logged(lines: number): Promise<string[]> {
  const written: string[] = [];
  const log = createJobLog(
    async (added) => written.push(...added),
    () => {},
  );
  for (let n = 0; n < lines; n += 1) log.note(`line ${n}`);
  expect(written).toEqual([]);
  await log.settle();
  return written;
}

const numbered = (first: number, count: number): string[] =>
  Array.from({ length: count }, (_, i) => `line ${first + i}`);

describe('createJobLog', () => {
  test('writes no line until it settles, and then all lines in order', async () => {
    expect(await logged(0)).toEqual([]);
    expect(await logged(2)).toEqual(['line 0', 'line 1']);
  });

  test.each([
    [100, 100, ['line 98', 'line 99']],
    [101, 101, ['line 99', 'line 100']],
    [102, 102, ['… and 1 more lines', 'line 101']],
    [5000, 102, ['… and 4899 more lines', 'line 4999']],
  ])('of %i lines it writes %i, the last ones %o', async (lines, count, end) => {
    const written = await logged(lines);
    expect(written).toHaveLength(count);
    expect(written.slice(-2)).toEqual(end);
  });

  test('writes a line once, also if it settles twice', async () => {
    const written: string[] = [];
    const log = createJobLog(
      async (added) => written.push(...added),
      () => {},
    );
    for (let n = 0; n < 110; n += 1) log.note('early');
    await log.settle();
    log.note('late');
    await log.settle();
    expect(written.slice(-3)).toEqual(['… and 9 more lines', 'early', 'late']);
    expect(written).toHaveLength(103);
  });

  test('reports lines that cannot be written, and settles', async () => {
    const errors: unknown[] = [];
    const failure = new Error('Redis is full');
    const log = createJobLog(
      () => Promise.reject(failure),
      (error) => errors.push(error),
    );
    log.note('line');
    await log.settle();
    expect(errors).toEqual([failure]);
  });
});

test('the log of a job keeps the newest thousand lines, and a job that is gone gets none', async () => {
  const server = await startRedisServer();
  const redis = new Redis(server.port, '127.0.0.1', { maxRetriesPerRequest: null });
  const queue = new Queue('logged', { connection: redis });
  onTestFinished(async () => {
    await queue.close();
    redis.disconnect();
    await server.stop();
  });
  const { id = '' } = await queue.add('search', {});
  for (let first = 0; first < 1010; first += 101) await addLogLines(redis, queue, id, numbered(first, 101));
  expect((await queue.getJobLogs(id)).logs).toEqual(numbered(10, 1000));
  await addLogLines(redis, queue, 'gone', ['line']);
  expect(await redis.keys('*gone*')).toEqual([]);
});
