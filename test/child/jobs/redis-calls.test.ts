import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import { startRedisServer } from '../../../scripts/support/redis-server.mjs';
import { createQueueHarness } from '../../support/queue-harness.js';
import { createScriptedEngine } from '../../support/scripted-engine.js';
import { SELFIE, startWorker } from '../../support/worker-harness.js';

test('a search costs Redis two commands of ours, and those of BullMQ', async () => {
  const server = await startRedisServer();
  const directory = await mkdtemp(path.join(tmpdir(), 'redis-calls-'));
  await mkdir(path.join(directory, 'Day-1'));
  await writeFile(path.join(directory, 'Day-1', 'a.jpg'), 'face:0.9');
  const portal = await createQueueHarness(server, { GALLERY_DIR: directory });
  const host = await startWorker(portal.config, createScriptedEngine());
  onTestFinished(async () => {
    await host.stop();
    await portal.close();
    await server.stop();
    await rm(directory, { recursive: true });
  });
  const search = async (): Promise<void> => {
    const job = await portal.add({ image: SELFIE, stage: 'Day-1' });
    await portal.reached(job, 'completed');
  };
  host.worker.resume();
  await search();
  await search();

  await host.redis.config('SET', 'slowlog-log-slower-than', 0);
  await host.redis.config('SET', 'slowlog-max-len', 1000);
  await host.redis.slowlog('RESET');
  await search();
  const log = (await host.redis.slowlog('GET', 1000)) as [number, number, number, string[]][];
  // The newest comes first.
  const scripts = log
    .map(([, , , args]) => args.join(' '))
    // The selfie is deleted after the search has its result, and the student does not wait for it.
    .filter((args) => args.startsWith('eval ') && !args.includes('selfieDeleted'));
  expect(scripts.toReversed()).toEqual([
    expect.stringContaining("'SCARD'"),
    expect.stringMatching(/raiseProgress.* 100$/s),
  ]);
});
