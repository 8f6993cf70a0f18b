import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { Redis } from 'ioredis';
import { expect, onTestFinished, test } from 'vitest';
import { startRedisServer } from '../../../scripts/support/redis-server.mjs';
import { createQueueHarness } from '../../support/queue-harness.js';
import { createScriptedEngine } from '../../support/scripted-engine.js';
import { SELFIE, startWorker } from '../../support/worker-harness.js';

test('a search costs Redis three commands of ours, and those of BullMQ', async () => {
  const server = await startRedisServer();
  const directory = await mkdtemp(path.join(tmpdir(), 'redis-calls-'));
  await mkdir(path.join(directory, 'Day-1'));
  await writeFile(path.join(directory, 'Day-1', 'a.jpg'), 'face:0.9');
  // Before the others, because ioredis confuses a command that comes between MONITOR and its reply with the reply.
  const monitor = await new Redis(server.port, '127.0.0.1', { lazyConnect: true }).monitor();
  const portal = await createQueueHarness(server, { GALLERY_DIR: directory });
  const host = await startWorker(portal.config, createScriptedEngine());
  onTestFinished(async () => {
    monitor.disconnect();
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

  const scripts: string[] = [];
  monitor.on('monitor', (_time: string, [command = '', script = '']: string[], source: string) => {
    // The selfie is deleted after the search has its result, and the student does not wait for it.
    if (command === 'eval' && source !== 'lua' && !script.includes('selfieDeleted')) scripts.push(script);
  });
  const marked = new Promise((resolve) => {
    monitor.on('monitor', (_time: string, [command]: string[]) => command === 'echo' && resolve(null));
  });
  await search();
  await host.redis.echo('end');
  await marked;
  expect(scripts).toEqual([
    expect.stringContaining('raiseProgress'),
    expect.stringContaining("'SCARD'"),
    expect.stringContaining("'ending'"),
  ]);
});
