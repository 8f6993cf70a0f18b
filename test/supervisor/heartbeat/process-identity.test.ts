import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { describe, expect, it, onTestFinished } from 'vitest';
import { identifyProcess, isKnownDead } from '../../../src/supervisor/heartbeat/process-identity.js';

function start() {
  const child = spawn('sleep', ['100']);
  onTestFinished(() => void child.kill('SIGKILL'));
  return { child, identity: identifyProcess(child.pid ?? 0) ?? expect.unreachable() };
}

describe.runIf(process.platform === 'linux')('a process', () => {
  const self = identifyProcess(process.pid) ?? expect.unreachable();

  it('is not dead while it runs', () => {
    expect(isKnownDead(start().identity, self)).toBe(false);
  });

  it('is dead once it has exited', async () => {
    const { child, identity } = start();
    child.kill('SIGKILL');
    await once(child, 'exit');
    expect(isKnownDead(identity, self)).toBe(true);
  });

  it('is dead if another process has its pid', () => {
    expect(isKnownDead({ ...start().identity, startTime: '1' }, self)).toBe(true);
  });

  it.each([{ machineBoot: 'another' }, { pidNamespace: 'pid:[1]' }])(
    'may be alive on another machine or in another container (%o)',
    (elsewhere) => {
      expect(isKnownDead({ ...self, pid: 2 ** 30, ...elsewhere }, self)).toBe(false);
    },
  );
});
