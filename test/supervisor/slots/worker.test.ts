import { fileURLToPath } from 'node:url';
import { afterEach, describe, expect, it } from 'vitest';
import { loadConfig } from '../../../src/shared/config.js';
import { createWorker, type Worker } from '../../../src/supervisor/slots/worker.js';
import { GPU } from '../../support/devices.js';
import { recordLog } from '../../support/log-recorder.js';

const SCRIPTED_CHILD = fileURLToPath(new URL('../../fixtures/scripted-child.mjs', import.meta.url));

let worker: Worker;
afterEach(async () => {
  await worker.slot.stop(0);
  delete process.env['CHILD_SCRIPT'];
});

describe('a worker', () => {
  it('starts on the CPU after its children crashed at start-up', async () => {
    process.env['CHILD_SCRIPT'] = 'die-unless-cautious';
    worker = createWorker(GPU, {
      childModulePath: SCRIPTED_CHILD,
      config: () => loadConfig({ WORKER_HOSTNAME: 'host' }, '/nowhere'),
      cores: () => 2,
      leased: Promise.resolve(),
      recovery: { recover: () => undefined, settled: async () => undefined },
      redisIsUp: () => true,
      onChange: () => undefined,
      onTrouble: () => undefined,
      logger: recordLog().logger,
    });
    worker.slot.send({ type: 'start' });
    await worker.slot.reached(({ kind }) => kind === 'serving');
    expect(worker.facts()).toMatchObject({
      restarts: 2,
      ready: { provider: 'cpu' },
      lastExit: { signal: 'SIGKILL', planned: false },
    });
  });
});
