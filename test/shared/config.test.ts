import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { hostname, tmpdir } from 'node:os';
import path from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { loadConfig } from '../../src/shared/config.js';
import { ConfigError } from '../../src/shared/errors.js';
import { EXIT_CODES } from '../../src/shared/exit-codes.js';

let directory: string;

beforeEach(() => {
  directory = mkdtempSync(path.join(tmpdir(), 'config-'));
});
afterEach(() => {
  rmSync(directory, { recursive: true });
});

const load = (environment: Record<string, string> = {}) => loadConfig(environment, directory);

function problemsOf(environment: Record<string, string>): readonly string[] {
  try {
    load(environment);
  } catch (error) {
    if (error instanceof ConfigError) return error.problems;
    throw error;
  }
  throw new Error('The configuration was accepted');
}

describe('loadConfig', () => {
  test('has a default for every variable', () => {
    const config = load();
    expect(config.redis).toEqual({
      host: '127.0.0.1',
      port: 6379,
      username: undefined,
      password: undefined,
      db: 0,
      tls: false,
    });
    expect(config.queue).toEqual({ name: 'face-search', prefix: 'bull' });
    expect(config.hostname).toBe(hostname());
    expect(config.jobs).toMatchObject({
      concurrency: null,
      threshold: 0.6,
      limit: 10_000,
      keepSelfies: false,
    });
    expect(config.gallery).toMatchObject({ dir: null, excludedStage: null, retentionS: 90 * 86_400 });
    expect(config.devices).toMatchObject({ gpuIndices: null, cpuOnly: false, cpuWorker: 'auto' });
    expect(config.engine.modelsDir).toBe(path.resolve(import.meta.dirname, '../../models'));
  });

  test('reads .env; the environment takes precedence', () => {
    writeFileSync(
      path.join(directory, '.env'),
      'REDIS_HOST=from-file\nREDIS_PORT=7000\nREDIS_PASSWORD="a b#c"\n',
    );
    const config = load({ REDIS_HOST: 'from-environment' });
    expect(config.redis).toMatchObject({ host: 'from-environment', port: 7000, password: 'a b#c' });
  });

  test('treats an empty value as not set', () => {
    writeFileSync(path.join(directory, '.env'), 'GALLERY_DIR=\nREDIS_PORT=\n');
    const config = load({ REDIS_URL: '', WORKER_CONCURRENCY: '' });
    expect(config.redis.port).toBe(6379);
    expect(config.jobs.concurrency).toBeNull();
    expect(config.gallery.dir).toBeNull();
  });

  test('an empty value in the environment undoes the one in .env', () => {
    writeFileSync(path.join(directory, '.env'), 'MATCH_LIMIT=5\n');
    expect(load({ MATCH_LIMIT: '' }).jobs.limit).toBe(10_000);
  });

  test.each([
    ['redis://', { host: 'h', port: 6379, db: 0, tls: false, username: undefined, password: undefined }, 'h'],
    [
      'rediss://',
      { host: 'h', port: 6380, db: 2, tls: true, username: 'u', password: 'p:/@ß' },
      'u:p%3A%2F%40%C3%9F@h:6380/2',
    ],
    ['redis://', { host: 'h', port: 6379, db: 0, tls: false, username: undefined, password: 'p' }, ':p@h/'],
    ['redis://', { host: '::1', port: 1234, db: 0, tls: false }, '[::1]:1234'],
  ])('reads REDIS_URL %s… as %o', (scheme, expected, rest) => {
    expect(load({ REDIS_URL: `${scheme}${rest}` }).redis).toMatchObject(expected);
  });

  test('REDIS_URL takes precedence over the single variables', () => {
    expect(load({ REDIS_URL: 'redis://a:1', REDIS_HOST: 'b', REDIS_PORT: '2' }).redis).toMatchObject({
      host: 'a',
      port: 1,
    });
  });

  test.each([
    ['GPU_INDEX', '2,0, 2', (config: ReturnType<typeof load>) => config.devices.gpuIndices, [0, 2]],
    ['USE_CPU', '1', (config: ReturnType<typeof load>) => config.devices.cpuOnly, true],
    ['USE_CPU', 'false', (config: ReturnType<typeof load>) => config.devices.cpuOnly, false],
    ['WORKER_CONCURRENCY', 'auto', (config: ReturnType<typeof load>) => config.jobs.concurrency, null],
    ['CHILD_MAX_RSS_MB', '0', (config: ReturnType<typeof load>) => config.supervision.childMaxRssMb, 0],
    ['CHILD_MAX_RSS_MB', '900', (config: ReturnType<typeof load>) => config.supervision.childMaxRssMb, 900],
    ['WORKER_CONCURRENCY', '4', (config: ReturnType<typeof load>) => config.jobs.concurrency, 4],
    ['MATCH_THRESHOLD', '.25', (config: ReturnType<typeof load>) => config.jobs.threshold, 0.25],
    ['MATCH_THRESHOLD', '1', (config: ReturnType<typeof load>) => config.jobs.threshold, 1],
    [
      'SHUTDOWN_TIMEOUT_MS',
      '0',
      (config: ReturnType<typeof load>) => config.supervision.shutdownTimeoutMs,
      0,
    ],
  ])('reads %s=%s', (variable, value, pick, expected) => {
    expect(pick(load({ [variable]: value }))).toEqual(expected);
  });

  test('reads names of ignored folders in any case, and a comma alone as none', () => {
    const ignored = (text: string) => load({ GALLERY_IGNORED_FOLDERS: text }).gallery.ignoredFolders;
    expect(ignored(' Drafts, ,OLD')).toEqual(['drafts', 'old']);
    expect(ignored(',')).toEqual([]);
    expect(load({}).gallery.ignoredFolders).toContain('@eadir');
  });

  test('resolves folders relative to the working directory', () => {
    const config = load({ GALLERY_DIR: 'photos', MODELS_DIR: '/models' });
    expect(config.gallery.dir).toBe(path.join(directory, 'photos'));
    expect(config.engine.modelsDir).toBe('/models');
  });

  test.each([
    ['REDIS_PORT', '0'],
    ['REDIS_PORT', '65536'],
    ['REDIS_PORT', '63.79'],
    ['REDIS_URL', 'http://h'],
    ['REDIS_URL', 'not a url'],
    ['REDIS_TLS', 'yes'],
    ['REDIS_URL', 'redis://h/nine'],
    ['REDIS_URL', 'redis://u:%ZZ@h'],
    ['REDIS_URL', 'redis://h/0?db=5'],
    ['REDIS_URL', 'redis://h#5'],
    ['QUEUE_NAME', 'a:b'],
    ['WORKER_HOSTNAME', 'a b'],
    ['GPU_INDEX', '0;1'],
    ['GPU_INDEX', '-1'],
    ['CPU_WORKER', 'maybe'],
    ['EXECUTION_PROVIDER', 'tpu'],
    ['WORKER_CONCURRENCY', '0'],
    ['WORKER_CONCURRENCY', 'many'],
    ['MATCH_THRESHOLD', '1.1'],
    ['MATCH_THRESHOLD', '-0.1'],
    ['MATCH_THRESHOLD', '60%'],
    ['MATCH_LIMIT', '-1'],
    ['SHUTDOWN_TIMEOUT_MS', '25s'],
    ['LOG_LEVEL', 'loud'],
  ])('refuses %s=%s and says what it may be', (variable, value) => {
    const problems = problemsOf({ [variable]: value });
    expect(problems).toHaveLength(1);
    expect(problems[0]).toMatch(new RegExp(`^${variable} must .*, but is `));
  });

  test('reports all invalid values together, with the exit code for an invalid configuration', () => {
    const wrong = { REDIS_PORT: 'x', MATCH_LIMIT: 'y', LOG_LEVEL: 'z' };
    expect(problemsOf(wrong)).toHaveLength(3);
    const exitCode = EXIT_CODES.badConfig;
    expect(() => load(wrong)).toThrow(expect.objectContaining({ exitCode }));
  });

  test('never shows a password', () => {
    const problems = problemsOf({ REDIS_URL: 'http://user:hunter2@h' });
    expect(problems.join()).not.toContain('hunter2');
  });

  test('rejects a .env that cannot be read', () => {
    expect(() => loadConfig({}, '/dev/null')).toThrow(/Cannot read .*\.env: /);
  });

  test('cannot be changed', () => {
    const { jobs } = load() as { jobs: { limit: number } };
    expect(() => {
      jobs.limit = 1;
    }).toThrow(TypeError);
  });

  describe('of the dashboard', () => {
    test('listens on the loopback interface, port 3000, without a token', () => {
      expect(load().dashboard).toEqual({
        host: '127.0.0.1',
        port: 3000,
        token: null,
        readToken: null,
        searchesPerMinute: 60,
      });
    });

    test('requires a token if other machines can reach it', () => {
      expect(problemsOf({ DASHBOARD_HOST: '0.0.0.0', REDIS_PORT: 'x' })).toEqual([
        expect.stringContaining('REDIS_PORT'),
        'DASHBOARD_TOKEN must be set if DASHBOARD_HOST is not a loopback address, but DASHBOARD_HOST is "0.0.0.0"',
      ]);
      expect(problemsOf({ DASHBOARD_HOST: '127.evil.example' })).toHaveLength(1);
      expect(
        load({ DASHBOARD_HOST: '0.0.0.0', DASHBOARD_TOKEN: 'correct horse battery' }).dashboard.token,
      ).toBe('correct horse battery');
    });

    test('can be switched off on any address', () => {
      expect(load({ DASHBOARD_PORT: 'off', DASHBOARD_HOST: '0.0.0.0' }).dashboard.port).toBeNull();
    });

    test('takes a read-only token only beside a different full one', () => {
      const full = 'correct horse battery';
      expect(problemsOf({ DASHBOARD_READ_TOKEN: full })).toEqual([
        'DASHBOARD_READ_TOKEN needs DASHBOARD_TOKEN, the token with all rights',
      ]);
      expect(problemsOf({ DASHBOARD_READ_TOKEN: full, DASHBOARD_TOKEN: full })).toEqual([
        'DASHBOARD_READ_TOKEN must differ from DASHBOARD_TOKEN',
      ]);
      const { dashboard } = load({ DASHBOARD_READ_TOKEN: 'a horse that looks', DASHBOARD_TOKEN: full });
      expect(dashboard).toMatchObject({ token: full, readToken: 'a horse that looks' });
    });

    test('never quotes a token that is too short', () => {
      expect(problemsOf({ DASHBOARD_TOKEN: 'short' })).toEqual([
        'DASHBOARD_TOKEN must have 16 characters or more, but is (not shown)',
      ]);
    });
  });
});

test.each([
  [1, 4096],
  [64, 2048 + 512 + 64 * 128],
])('the largest memory of a child with %s engine threads is %s MB by default', (threads, maxMb) => {
  const { childMaxRssMb } = load({ ENGINE_THREADS: String(threads) }).supervision;
  expect(childMaxRssMb).toBe(maxMb);
});
