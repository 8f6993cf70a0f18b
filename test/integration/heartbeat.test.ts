import { afterEach, beforeEach, describe, expect, it, onTestFinished } from 'vitest';
import { createFakeNvidiaSmi, fakeGpus } from '../support/fake-nvidia-smi.js';
import { createTestbed, type Testbed } from '../support/testbed.js';

let bed: Testbed;
beforeEach(async () => {
  bed = await createTestbed();
});
afterEach(() => bed.close());

/** All commands on these connections from now on. */
async function commandsOf(addresses: readonly string[]): Promise<string[]> {
  const commands: string[] = [];
  const monitor = await bed.redis.monitor();
  // Redis ends before the test does.
  monitor.on('error', () => undefined);
  onTestFinished(() => monitor.disconnect());
  monitor.on('monitor', (_time: string, [command]: string[], source: string) => {
    // INFO checks the rights and the memory policy every 15 s; it is not part of the heartbeat.
    if (addresses.includes(source) && command !== 'info') commands.push(command ?? '');
  });
  return commands;
}

async function connectionsOf(name: string): Promise<string[]> {
  const clients = (await bed.redis.client('LIST')) as string;
  const lines = clients.split('\n').filter((line) => line.includes(` name=${name} `));
  return lines.map((line) => /\baddr=(\S+)/.exec(line)?.[1] ?? '');
}

describe('the heartbeat of a machine', () => {
  it('costs Redis two commands for any number of workers, and nothing else', async () => {
    const smi = await createFakeNvidiaSmi();
    onTestFinished(() => smi.remove());
    await smi.answer(await fakeGpus(3));
    const supervisor = await bed.supervisor({ PATH: smi.path, USE_CPU: '0', LOG_LEVEL: 'trace' });
    for (const index of [0, 1, 2]) {
      await bed.recorded(`host_gpu${index}`, ({ status }) => status === 'online');
    }
    const connections = await connectionsOf('supervisor:host');
    expect(connections).toHaveLength(2);
    const commands = await commandsOf(connections);
    const from = supervisor.lines.length;
    const beats = () => supervisor.lines.slice(from).filter(({ msg }) => msg === 'Heartbeat').length;
    await supervisor.line(({ msg }) => msg === 'Heartbeat' && beats() >= 6, from);
    expect(new Set(commands)).toEqual(new Set(['eval', 'mget']));
    // One may be in progress at either end, and one not yet reported to us.
    expect(Math.abs(commands.length / 2 - beats())).toBeLessThanOrEqual(2);
  });
});
