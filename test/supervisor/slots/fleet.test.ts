import { availableParallelism } from 'node:os';
import { fileURLToPath } from 'node:url';
import { afterEach, expect, test, vi } from 'vitest';
import { loadConfig } from '../../../src/shared/config.js';
import { createFleet, type Fleet } from '../../../src/supervisor/slots/fleet.js';
import { GPU } from '../../support/devices.js';
import { recordLog } from '../../support/log-recorder.js';

const SCRIPTED_CHILD = fileURLToPath(new URL('../../fixtures/scripted-child.mjs', import.meta.url));
const CPU = { kind: 'cpu', index: 0, name: 'CPU' } as const;

let fleet: Fleet;
afterEach(async () => {
  vi.unstubAllEnvs();
  await fleet.stop(0);
});

function createTestFleet(): Fleet {
  const { logger } = recordLog();
  return createFleet(
    {
      childModulePath: SCRIPTED_CHILD,
      config: () => loadConfig({ WORKER_HOSTNAME: 'host' }, '/nowhere'),
      leased: Promise.resolve(),
      recovery: { recover: () => undefined, settled: async () => undefined },
      redisIsUp: () => true,
      onChange: () => undefined,
      onTrouble: () => undefined,
      logger,
    },
    logger,
  );
}

async function enginesOf({ workers }: Fleet): Promise<(string | undefined)[]> {
  await Promise.all(workers().map(({ slot }) => slot.reached(({ kind }) => kind === 'serving')));
  return workers().map((worker) => worker.facts().ready?.engine);
}

test('the children of a machine share its cores evenly', async () => {
  const devices = [GPU, { ...GPU, index: 1, uuid: 'GPU-2' }, CPU];
  const share = Math.max(1, Math.floor(availableParallelism() / devices.length));
  fleet = createTestFleet();
  fleet.add(devices);
  const engine = `scripted, ${share} cores, ${Math.max(4, share)} pool threads`;
  expect(await enginesOf(fleet)).toEqual(devices.map(() => engine));
});

test("the operator's size of Node's thread pool overrides that of the share", async () => {
  vi.stubEnv('UV_THREADPOOL_SIZE', '11');
  fleet = createTestFleet();
  fleet.add([CPU]);
  expect(await enginesOf(fleet)).toEqual([`scripted, ${availableParallelism()} cores, 11 pool threads`]);
});
