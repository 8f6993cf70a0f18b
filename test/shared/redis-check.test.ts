import { readdir, readFile } from 'node:fs/promises';
import { Redis } from 'ioredis';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { type RedisServer, startRedisServer } from '../../scripts/support/redis-server.mjs';
import { checkRedis } from '../../src/shared/redis-check.js';
import { aclRule, findMissingRights } from '../../src/shared/redis-rights.js';

const SCOPE = { prefix: 'bull' };

let server: RedisServer;
let admin: Redis;
let user: Redis;
beforeAll(async () => {
  server = await startRedisServer();
  admin = new Redis(server.port, '127.0.0.1');
});
beforeEach(async () => {
  await grant('reset', 'on', '>secret', ...aclRule(SCOPE).split(' '));
  user = new Redis(server.port, '127.0.0.1', { username: 'worker', password: 'secret' });
  user.on('error', () => undefined);
  return () => user.disconnect();
});
afterAll(async () => {
  admin.disconnect();
  await server.stop();
});

const grant = (...rules: string[]): Promise<unknown> => admin.call('ACL', 'SETUSER', 'worker', ...rules);

describe('the rights of a Redis user', () => {
  test('are complete with the documented rule, and checking them changes nothing', async () => {
    expect(await checkRedis(user, SCOPE)).toEqual([]);
    expect(await admin.dbsize()).toBe(0);
    await expect(user.call('KEYS', '*')).rejects.toThrow('NOPERM');
    await expect(user.get('foreign')).rejects.toThrow('NOPERM');
  });

  test.each([
    'hset',
    'bzpopmin',
    'eval',
    'evalsha',
    'info',
    'time',
    'publish',
    'subscribe',
    'multi',
    'xread',
    'scan',
    'hrandfield',
    'mget',
  ])('miss +%s if it is taken away', async (command) => {
    await grant(`-${command}`);
    expect(await findMissingRights(user, SCOPE)).toEqual([`+${command}`]);
    expect(await checkRedis(user, SCOPE)).toMatchObject([
      {
        kind: 'problem',
        code: 'RIGHTS_MISSING',
        sentence: expect.stringContaining(`"ACL SETUSER worker +${command}"`),
      },
    ]);
  });

  test.each(['~bull:*', '~workers', '~worker:*', '~face-index:*'])('miss %s', async (right) => {
    const others = aclRule(SCOPE)
      .split(' ')
      .filter((rule) => rule !== right);
    await grant('reset', 'on', '>secret', ...others);
    expect(await findMissingRights(user, SCOPE)).toContain(right);
    expect((await findMissingRights(user, SCOPE)).every((missing) => missing === right)).toBe(true);
  });

  test.each(['&worker:*', '&face-index:forgotten'])('miss %s', async (right) => {
    const others = aclRule(SCOPE)
      .split(' ')
      .filter((rule) => rule !== right);
    await grant('reset', 'on', '>secret', ...others);
    expect(await findMissingRights(user, SCOPE)).toEqual([right]);
  });

  test('are in the documentation', async () => {
    expect(await readFile('docs/operations.md', 'utf8')).toContain(
      `ACL SETUSER worker on '>secret' ${aclRule(SCOPE)
        .split(' ')
        .map((rule) => (/[~&*]/.test(rule) ? `'${rule}'` : rule))
        .join(' ')}`,
    );
  });

  test('include every command of the scripts of BullMQ and of this project', async () => {
    // A command that a check does not try could be missing unnoticed.
    await grant('-@all', '+multi', '+discard', '+auth');
    const tried = new Set((await findMissingRights(user, SCOPE)).map((right) => right.slice(1)));
    for (const command of await commandsOfScripts()) expect(tried).toContain(command);
  });
});

async function commandsOfScripts(): Promise<Set<string>> {
  const commands = new Set<string>();
  for (const folder of ['node_modules/bullmq/dist/esm/scripts', 'src']) {
    for (const file of await readdir(folder, { recursive: true })) {
      if (!/\.(js|ts)$/.test(file)) continue;
      const text = await readFile(`${folder}/${file}`, 'utf8');
      for (const [, name = ''] of text.matchAll(/(?:rcall|redis\.p?call)\(["']([A-Za-z]+)["']/g))
        commands.add(name.toLowerCase());
    }
  }
  return commands;
}

describe('a Redis that answers', () => {
  test('has a warning if it may evict keys, or is nearly full', async () => {
    await admin.config('SET', 'maxmemory-policy', 'allkeys-lru');
    await admin.config('SET', 'maxmemory', '1mb');
    expect(await checkRedis(admin, SCOPE)).toMatchObject([
      { kind: 'warning', code: 'MAY_EVICT', sentence: expect.stringContaining('allkeys-lru') },
      { kind: 'warning', code: 'NEARLY_FULL' },
    ]);
    await admin.config('SET', 'maxmemory', '0');
    await admin.config('SET', 'maxmemory-policy', 'noeviction');
  });

  test('has a warning if it is a replica', async () => {
    await admin.call('REPLICAOF', '127.0.0.1', '1');
    expect(await checkRedis(admin, SCOPE)).toMatchObject([{ kind: 'warning', code: 'READ_ONLY' }]);
    await admin.call('REPLICAOF', 'NO', 'ONE');
  });
});
