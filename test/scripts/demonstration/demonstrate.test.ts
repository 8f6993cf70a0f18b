import { execFile } from 'node:child_process';
import { once } from 'node:events';
import { mkdir, mkdtemp, readdir, rm, symlink } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { demonstrate } from '../../../scripts/demonstration/demonstrate.mjs';
import { defer } from '../../support/deferred.js';

const root = path.resolve(import.meta.dirname, '../../..');
let directory: string;

beforeEach(async () => {
  directory = await mkdtemp(path.join(tmpdir(), 'demonstration-'));
  vi.stubEnv('TMPDIR', directory);
});

afterEach(async () => {
  vi.restoreAllMocks();
  vi.unstubAllEnvs();
  await rm(directory, { recursive: true });
});

const listLeftovers = async () =>
  (await readdir(directory)).filter((name) => name.startsWith('face-search-demo-'));

/** The project on a machine without ../shared. */
async function makeProjectWithoutShared(): Promise<string> {
  const project = path.join(directory, 'work/project');
  await mkdir(project, { recursive: true });
  await symlink(path.join(root, 'dist'), path.join(project, 'dist'));
  return project;
}

describe('the demo', () => {
  it('finds a drawn person without photos and models, keeps the dashboard until Ctrl-C, and cleans up', async () => {
    vi.stubEnv('USE_CPU', '1');
    const interruption = new AbortController();
    const kept = defer<string>();
    const log = vi.spyOn(console, 'log').mockImplementation((line) => {
      const address = /runs at (\S+) until you press Ctrl-C/.exec(String(line))?.[1];
      if (address !== undefined) kept.resolve(address);
    });

    const demonstration = demonstrate(null, {
      project: await makeProjectWithoutShared(),
      keep: true,
      signal: interruption.signal,
    });
    const address = (await Promise.race([kept.promise, demonstration])) ?? 'none';
    expect((await fetch(`${address}/api/workers`)).status).toBe(200);

    interruption.abort(new Error('Interrupted.'));
    await demonstration;
    await expect(fetch(`${address}/healthz`)).rejects.toThrow('fetch failed');
    expect(await listLeftovers()).toEqual([]);

    const output = log.mock.calls.flat().join('\n');
    expect(output).toContain('Using drawn images');
    const found = new Set(output.match(/photo-\d+(?=\.jpg)/g));
    expect(found).toEqual(new Set(['photo-01', 'photo-05', 'photo-09', 'photo-13']));
    expect(output).toMatch(/status +online/);
    expect(output).toMatch(/searches +1 done, 0 failed/);
  });

  it('says why the worker cannot start, and cleans up', async () => {
    vi.stubEnv('MATCH_THRESHOLD', 'high');
    vi.spyOn(console, 'log').mockImplementation(() => {});

    const demonstration = demonstrate(null, {
      project: await makeProjectWithoutShared(),
      signal: new AbortController().signal,
    });

    await expect(demonstration).rejects.toThrow(
      /The worker ended \(exit code 78\)[^]*MATCH_THRESHOLD must be a number/,
    );
    expect(await listLeftovers()).toEqual([]);
  });
});

describe('scripts/demo', () => {
  it.each([
    [['--selfie', 'missing.jpg', '--gallery', '.'], 'The selfie missing.jpg is not a file.'],
    [['--selfie', 'package.json', '--gallery', 'missing'], 'The gallery missing is not a folder.'],
    [['--selfie', 'package.json'], '--selfie needs --gallery FOLDER'],
    [['--gallery', '.'], '--gallery needs --selfie FILE'],
    [['--wrong'], "Unknown option '--wrong'"],
  ])('refuses %j', async (args, message) => {
    const demo = execFile(path.join(root, 'scripts/demo'), args, { cwd: root });
    const errors: string[] = [];
    demo.stderr?.on('data', (text) => errors.push(text));

    const [code] = await once(demo, 'close');

    expect(code).toBe(2);
    expect(errors.join('')).toContain(message);
  });
});
