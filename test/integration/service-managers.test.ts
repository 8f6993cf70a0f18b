import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { createFakeSystemdNotify, type FakeSystemdNotify } from '../support/fake-systemd-notify.js';
import { createTestbed, type Testbed } from '../support/testbed.js';

const READY = '--ready STATUS=Taking jobs';
const PATIENCE = { timeout: 20_000 };

let bed: Testbed;
let systemd: FakeSystemdNotify;
beforeEach(async () => {
  bed = await createTestbed();
  systemd = await createFakeSystemdNotify();
});
afterEach(async () => {
  await bed.close();
  await systemd.remove();
});

const called = (states: string) =>
  vi.waitFor(async () => expect(await systemd.calls()).toContain(states), PATIENCE);

describe('systemd', () => {
  it('learns that the service is ready once a worker takes jobs, and that it stops', async () => {
    await bed.server.halt();
    const supervisor = await bed.supervisor({ PATH: systemd.path, NOTIFY_SOCKET: '/run/none' });
    await supervisor.line(({ msg }) => /redis.*unreachable/i.test(msg));
    expect(await systemd.calls()).toEqual([]);
    await bed.server.start();
    await supervisor.line(({ msg }) => msg === 'Worker is ready');
    await called(READY);
    supervisor.signal('SIGTERM');
    expect(await supervisor.exited).toEqual({ code: 0, signal: null });
    await called('STOPPING=1 STATUS=Finishing the running jobs');
    expect(await systemd.calls()).toHaveLength(2);
  });

  it('never learns that the service is ready if no worker can start', async () => {
    const environment = { PATH: systemd.path, NOTIFY_SOCKET: '/run/none', MODELS_DIR: '/nonexistent' };
    const supervisor = await bed.supervisor({ ...environment, MODEL_PACK: 'mobilefacenet' });
    await supervisor.exited;
    await called('STOPPING=1 STATUS=Finishing the running jobs');
    expect(await systemd.calls()).toHaveLength(1);
  });

  it('learns of readiness once, however many children start', async () => {
    const supervisor = await bed.supervisor({ PATH: systemd.path, NOTIFY_SOCKET: '/run/none' });
    await called(READY);
    supervisor.signal('SIGHUP');
    await supervisor.line(({ msg }) => msg === 'Rolling restart done');
    expect(await systemd.calls()).toEqual([READY]);
  });

  it('gets watchdog notifications only while the event loop runs', async () => {
    const environment = { PATH: systemd.path, NOTIFY_SOCKET: '/run/none', WATCHDOG_USEC: '400000' };
    const supervisor = await bed.supervisor(environment);
    const pings = async () => (await systemd.calls()).filter((call) => call === 'WATCHDOG=1').length;
    await vi.waitFor(async () => expect(await pings()).toBeGreaterThan(3), PATIENCE);
    supervisor.signal('SIGSTOP');
    // A systemd-notify that was starting when the signal came has finished by now.
    await new Promise((resolve) => setTimeout(resolve, 500));
    const atStop = await pings();
    await new Promise((resolve) => setTimeout(resolve, 1000));
    expect(await pings()).toBe(atStop);
    supervisor.signal('SIGCONT');
    await vi.waitFor(async () => expect(await pings()).toBeGreaterThan(atStop), PATIENCE);
  });

  it('does not affect the workers if it cannot be reached', async () => {
    await systemd.fail();
    const supervisor = await bed.supervisor({ PATH: systemd.path, NOTIFY_SOCKET: '/run/none' });
    await supervisor.line(({ msg, level }) => level === 'warn' && msg.startsWith('systemd-notify failed'));
    await bed.recorded('host_cpu0', ({ status }) => status === 'online');
  });

  it('is left alone if it did not start the supervisor', async () => {
    const supervisor = await bed.supervisor({ PATH: systemd.path, WATCHDOG_USEC: '400000' });
    await supervisor.line(({ msg }) => msg === 'Worker is ready');
    supervisor.signal('SIGTERM');
    await supervisor.exited;
    expect(await systemd.calls()).toEqual([]);
  });
});

describe('PM2', () => {
  it('learns that the supervisor is ready once a worker takes jobs', async () => {
    await bed.server.halt();
    const supervisor = await bed.supervisor();
    let told: unknown;
    void supervisor.message.then((message) => (told = message));
    await supervisor.line(({ msg }) => /redis.*unreachable/i.test(msg));
    expect(told).toBeUndefined();
    await bed.server.start();
    await supervisor.line(({ msg }) => msg === 'Worker is ready');
    expect(await supervisor.message).toBe('ready');
  });
});
