import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterEach, describe, expect, it } from 'vitest';
import { checkDisk, checkNode, checkPort } from '../../../src/cli/doctor/check-machine.js';
import { loadConfig } from '../../../src/shared/config.js';

const checkPortOf = (environment: Record<string, string>): Promise<unknown> =>
  checkPort(loadConfig({ DASHBOARD_TOKEN: '0123456789abcdef', ...environment }, tmpdir()).dashboard);

describe('the check of Node.js', () => {
  it.each([
    ['18.20.4', 'error', 'is too old: install Node.js 24.'],
    ['20.11.1', 'error', 'is too old'],
    ['20.12.0', 'warning', 'gets no security fixes any more'],
    ['23.1.0', 'warning', 'gets no security fixes any more'],
    ['22.20.0', 'ok', '22.20.0'],
    ['24.1.0', 'ok', '24.1.0'],
  ])('calls %s %s', (version, level, sentence) => {
    expect(checkNode(version)).toEqual({
      topic: 'Node.js',
      level,
      sentence: expect.stringContaining(sentence),
    });
  });
});

describe('the check of the disk', () => {
  it.each([
    [50, 'error', 'free at least 1 GiB'],
    [900, 'warning', 'soon it is full'],
    [5000, 'ok', '4.9 GiB are free'],
  ])('with %i MiB is %s', async (mib, level, sentence) => {
    expect(await checkDisk('/', () => Promise.resolve(mib * 2 ** 20))).toMatchObject({
      level,
      sentence: expect.stringContaining(sentence),
    });
  });

  it('looks at the folder above one that does not exist yet', async () => {
    const check = await checkDisk(path.join(tmpdir(), 'not', 'there', 'yet'));
    expect(check.sentence).toMatch(/^\d+\.\d GiB are free at .*yet/);
  });
});

describe("the check of the dashboard's port", () => {
  const server = createServer((_request, reply) => reply.end(body));
  let body = '';
  afterEach(async () => {
    server.close();
    if (server.listening) await once(server, 'close');
  });

  async function checkTakenPort(reply: string): Promise<unknown> {
    body = reply;
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    return checkPortOf({ DASHBOARD_PORT: String((server.address() as AddressInfo).port) });
  }

  it('is ok if it is free, off, or has our dashboard already', async () => {
    expect(await checkPortOf({ DASHBOARD_PORT: '0' })).toMatchObject({ level: 'ok' });
    expect(await checkPortOf({ DASHBOARD_PORT: 'off' })).toMatchObject({ level: 'ok' });
    expect(await checkTakenPort('{"status":"ok"}')).toMatchObject({
      level: 'ok',
      sentence: expect.stringContaining('A dashboard runs at http://127.0.0.1:'),
    });
  });

  it('is an error if another program has it, or if the address is not of this machine', async () => {
    expect(await checkTakenPort('hello')).toMatchObject({
      level: 'error',
      sentence: expect.stringContaining('set DASHBOARD_PORT to another port or off'),
    });
    // 192.0.2.0/24 is for documentation.
    expect(await checkPortOf({ DASHBOARD_HOST: '192.0.2.1', DASHBOARD_PORT: '0' })).toMatchObject({
      level: 'error',
      sentence: expect.stringContaining('DASHBOARD_HOST is no address of this machine'),
    });
  });
});
