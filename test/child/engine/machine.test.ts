import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { countLinuxGpus, describeMachine } from '../../../src/child/engine/machine.js';

let root: string;
beforeEach(async () => {
  root = await mkdtemp(path.join(tmpdir(), 'machine-'));
});
afterEach(() => rm(root, { recursive: true }));

async function addNode(name: string, vendor: string): Promise<void> {
  const device = path.join(root, 'sys/class/drm', name, 'device');
  await mkdir(device, { recursive: true });
  await writeFile(path.join(device, 'vendor'), `${vendor}\n`);
}
const addNvidia = (slot: string) =>
  mkdir(path.join(root, 'proc/driver/nvidia/gpus', slot), { recursive: true });

describe('the GPUs of a Linux machine', () => {
  it('are none without a driver', async () => {
    expect(await countLinuxGpus(root)).toBe(0);
  });

  it('are counted by render nodes, not by displays', async () => {
    await addNode('renderD128', '0x1002');
    await addNode('card0', '0x1002');
    await addNode('card0-HDMI-A-1', '0x1002');
    expect(await countLinuxGpus(root)).toBe(1);
  });

  it('of NVIDIA are counted once, with or without a render node', async () => {
    await addNvidia('0000:01:00.0');
    expect(await countLinuxGpus(root)).toBe(1);
    await addNode('renderD128', '0x10de');
    expect(await countLinuxGpus(root)).toBe(1);
    await addNode('renderD129', '0x8086');
    expect(await countLinuxGpus(root)).toBe(2);
  });
});

it('describeMachine describes this machine', async () => {
  expect(await describeMachine()).toEqual({
    platform: process.platform,
    arch: process.arch,
    gpus: expect.any(Number),
  });
});
