import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { createFakeDmesg, type FakeDmesg } from '../support/fake-dmesg.js';
import { createFakeNvidiaSmi, type FakeNvidiaSmi, fakeGpus } from '../support/fake-nvidia-smi.js';
import type { SupervisorProcess } from '../support/supervisor-process.js';
import { createTestbed, type Testbed } from '../support/testbed.js';

const online = ({ status }: { status: string }): boolean => status === 'online';
const OFF_THE_BUS = '[ 5061.87] NVRM: Xid (PCI:0000:43:00): 79, pid=1, GPU has fallen off the bus.\n';

let bed: Testbed;
let smi: FakeNvidiaSmi;
let dmesg: FakeDmesg;
beforeEach(async () => {
  bed = await createTestbed();
  smi = await createFakeNvidiaSmi();
  dmesg = await createFakeDmesg();
  await smi.answer(await fakeGpus(2));
});
afterEach(async () => {
  await bed.close();
  await smi.remove();
  await dmesg.remove();
});

const start = (): Promise<SupervisorProcess> =>
  bed.supervisor({ PATH: dmesg.pathBefore(smi.path), USE_CPU: '0', DEVICE_SCAN_INTERVAL_MS: '300' });

describe('an Xid in the kernel log', () => {
  it('is in the record and the log after the child has crashed', async () => {
    const supervisor = await start();
    const { pid, gpu_xid } = await bed.recorded('host_gpu1', online);
    expect(gpu_xid).toBeNull();
    await dmesg.say(OFF_THE_BUS);
    process.kill(pid ?? 0, 'SIGKILL');
    await bed.recorded('host_gpu1', (record) => record.gpu_xid === 79);
    expect(await supervisor.line(({ xid }) => xid === 79)).toMatchObject({
      workers: ['host_gpu1'],
      msg: expect.stringMatching(/^The GPU reported Xid 79/),
    });
    expect((await bed.record('host_gpu0'))?.gpu_xid).toBeNull();
  });

  it('is in the record of a GPU that vanishes', async () => {
    await start();
    await bed.recorded('host_gpu1', online);
    await dmesg.say(OFF_THE_BUS);
    await smi.answer(await fakeGpus(1));
    await bed.recorded('host_gpu1', ({ status, gpu_xid }) => status === 'lost' && gpu_xid === 79);
  });

  it('is unknown if reading the kernel log is not permitted, which is logged once', async () => {
    await dmesg.refuse();
    const supervisor = await start();
    const { pid } = await bed.recorded('host_gpu1', online);
    await supervisor.line(({ msg }) => msg.startsWith('Cannot read the kernel log'));
    process.kill(pid ?? 0, 'SIGKILL');
    const record = await bed.recorded('host_gpu1', (next) => online(next) && next.pid !== pid);
    expect(record.gpu_xid).toBeNull();
    expect(await dmesg.calls()).toBe(1);
  });
});
