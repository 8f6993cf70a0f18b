import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { readKernelLog } from '../../../src/supervisor/devices/kernel-log.js';
import { createFakeDmesg, type FakeDmesg } from '../../support/fake-dmesg.js';

let dmesg: FakeDmesg;
beforeEach(async () => {
  dmesg = await createFakeDmesg();
  vi.stubEnv('PATH', dmesg.pathBefore(process.env['PATH']));
});
afterEach(async () => {
  vi.unstubAllEnvs();
  await dmesg.remove();
});

describe('reading the kernel log', () => {
  it('returns all of it, even if it is longer than a megabyte', async () => {
    const text = `${'[    1.000000] a line\n'.repeat(100_000)}the last one\n`;
    await dmesg.say(text);
    expect(await readKernelLog()).toEqual({ kind: 'text', text });
  });

  it('is refused without permission', async () => {
    await dmesg.refuse();
    expect(await readKernelLog()).toEqual({
      kind: 'refused',
      reason: 'dmesg: read kernel buffer failed: Operation not permitted',
    });
  });

  it('is given up for now if dmesg hangs', async () => {
    await dmesg.hang();
    expect(await readKernelLog(200)).toEqual({ kind: 'late' });
  });

  it('is refused if there is no dmesg', async () => {
    vi.stubEnv('PATH', '/nonexistent');
    expect(await readKernelLog()).toEqual({ kind: 'refused', reason: 'there is no dmesg' });
  });
});
