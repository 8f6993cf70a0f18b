import { execFile } from 'node:child_process';
import { once } from 'node:events';
import { mkdir, mkdtemp, readdir, rm, symlink } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { demonstrate } from '../../../scripts/demonstration/demonstrate.mjs';

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

/** The project as it is on a machine that has nothing beside it. */
async function makeLonelyProject(): Promise<string> {
  const project = path.join(directory, 'work/project');
  await mkdir(project, { recursive: true });
  await symlink(path.join(root, 'dist'), path.join(project, 'dist'));
  return project;
}

describe('the demo', () => {
  it('finds a drawn person where there are neither photographs nor models, and cleans up', async () => {
    vi.stubEnv('USE_CPU', '1');
    const log = vi.spyOn(console, 'log').mockImplementation(() => {});

    await demonstrate(null, { project: await makeLonelyProject(), signal: new AbortController().signal });

    const output = log.mock.calls.flat().join('\n');
    expect(output).toContain('going on with drawn pictures');
    const found = new Set(output.match(/picture-\d+(?=\.jpg)/g));
    expect(found).toEqual(new Set(['picture-01', 'picture-05', 'picture-09', 'picture-13']));
    expect(output).toMatch(/status +online/);
    expect(output).toMatch(/jobs_processed +1/);
    expect(await listLeftovers()).toEqual([]);
  });

  it('says how the worker ended when it cannot start, and cleans up', async () => {
    vi.stubEnv('MATCH_THRESHOLD', 'high');
    vi.spyOn(console, 'log').mockImplementation(() => {});

    const demonstration = demonstrate(null, {
      project: await makeLonelyProject(),
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
    [['--selfie', 'nobody.jpg', '--gallery', '.'], 'The selfie nobody.jpg is not a file.'],
    [['--selfie', 'package.json', '--gallery', 'nowhere'], 'The gallery nowhere is not a folder.'],
    [['--selfie', 'package.json'], 'Say with --gallery which folder to look through.'],
    [['--gallery', '.'], 'Say with --selfie whom to look for.'],
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
