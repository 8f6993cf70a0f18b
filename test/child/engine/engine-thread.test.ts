import { spawnSync } from 'node:child_process';
import { once } from 'node:events';
import type { Worker } from 'node:worker_threads';
import sharp from 'sharp';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
// Built, because a thread starts from a file that Node can run.
import { startThread } from '../../../dist/child/threads/start-thread.js';
import type { EngineCalls, EngineThread, EngineThreadData } from '../../../src/child/engine/engine-calls.js';
import type { ImageSource } from '../../../src/child/engine/engine.js';
import { findModelPack } from '../../../src/shared/model-pack.js';
import { EXIT_CODES } from '../../../src/shared/exit-codes.js';
import { createModelFolder } from '../../support/model-folder.js';

const ENGINE_THREAD = new URL('../../../dist/child/engine/engine-thread.js', import.meta.url);

let thread: EngineThread;
/** The same thread, as Node itself hands it out. */
let worker: Worker;
let source: ImageSource;

beforeEach(async () => {
  const image = sharp({ create: { width: 40, height: 30, channels: 3, background: 'white' } });
  source = { kind: 'base64', text: (await image.png().toBuffer()).toString('base64') };
  const models = await createModelFolder();
  const starting = once(process, 'worker') as Promise<[Worker]>;
  const data: EngineThreadData = {
    pack: await findModelPack('tiny', models.directory),
    provider: 'cpu',
    probe: false,
    intraOpThreads: 1,
    maxImageBytes: 1_000_000,
    maxImagePixels: 1_000_000,
    galleryUpright: false,
  };
  thread = await startThread<EngineCalls>('An engine thread', ENGINE_THREAD, data);
  [worker] = await starting;
  await models.remove();
});
afterEach(() => thread.stop());

const empty = { image: { widthPx: 40, heightPx: 30, faces: [] }, oomSteps: [] };

describe('an engine thread', () => {
  it('finishes its running calls before it stops', async () => {
    const answers = Promise.all([thread.call('analyze', source), thread.call('analyze', source)]);
    await thread.stop();
    expect(await answers).toEqual([empty, empty]);
    expect((await thread.exited).message).toBe('An engine thread ended with code 0');
    expect(worker.threadId).toBe(-1);
  });

  it('is never terminated by force on stop, because that would abort the process', async () => {
    vi.useFakeTimers({ toFake: ['setTimeout'] });
    try {
      const answers = Promise.allSettled(Array.from({ length: 20 }, () => thread.call('analyze', source)));
      const stopped = thread.stop();
      vi.advanceTimersByTime(24 * 3_600_000);
      await stopped;
      expect(new Set((await answers).map(({ status }) => status))).toEqual(new Set(['fulfilled']));
    } finally {
      vi.useRealTimers();
    }
  });

  it('stops only once', async () => {
    const stopped = thread.stop();
    expect(thread.stop()).toBe(stopped);
    await stopped;
  });

  it('rejects its running calls if it is terminated from outside, and can still be stopped', async () => {
    void worker.terminate();
    const answers = Promise.allSettled([thread.call('analyze', source), thread.call('analyze', source)]);
    const reason = await thread.exited;
    expect(reason.message).toBe('An engine thread ended with code 1');
    expect(await answers).toEqual([
      { status: 'rejected', reason },
      { status: 'rejected', reason },
    ]);
    await thread.stop();
  });

  it('reports why it failed', async () => {
    worker.postMessage(null);
    const answer = Promise.allSettled([thread.call('analyze', source)]);
    const reason = await thread.exited;
    expect(reason.message).toMatch(/^An engine thread died: .*reading 'type'/);
    expect(reason.cause).toBeInstanceOf(Error);
    expect(await answer).toEqual([{ status: 'rejected', reason }]);
  });

  it('answers each call with its own answer, and rejects unknown calls', async () => {
    const broken: ImageSource = { kind: 'base64', text: 'AAAA' };
    const [hash, again, other, image, refused, unknown] = await Promise.allSettled([
      thread.call('identify', source),
      thread.call('identify', source),
      thread.call('identify', broken),
      thread.call('analyze', source),
      thread.call('analyze', broken),
      thread.call('paint' as 'analyze', source),
    ]);
    expect(hash).toEqual({ status: 'fulfilled', value: expect.stringMatching(/^[\w-]{22}$/) });
    expect(again).toEqual(hash);
    expect(other.status).toBe('fulfilled');
    expect(other).not.toEqual(hash);
    expect(image).toEqual({ status: 'fulfilled', value: empty });
    expect(refused).toMatchObject({ status: 'rejected', reason: { name: 'ImageError' } });
    expect(unknown).toMatchObject({ reason: { message: 'The thread has no call "paint"' } });
  });

  it('rejects calls after its end', async () => {
    await thread.stop();
    await expect(thread.call('analyze', source)).rejects.toThrow('An engine thread ended with code 0');
  });

  it('explains itself if a person starts it', () => {
    const { status, stderr } = spawnSync(process.execPath, ['dist/child/engine/engine-thread.js'], {
      encoding: 'utf8',
    });
    expect(status).toBe(EXIT_CODES.crash);
    expect(stderr).toContain('This file must run as a worker thread');
  });
});
