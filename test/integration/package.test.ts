import { execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { copyFile, mkdir, mkdtemp, readFile, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { createTestbed, drawPerson, STAGE, type Testbed } from '../support/testbed.js';

const run = promisify(execFile);
const root = path.resolve(import.meta.dirname, '../..');

/** The folder of someone who has installed the package. */
let folder: string;
let bed: Testbed;
beforeAll(async () => {
  folder = await mkdtemp(path.join(tmpdir(), 'package-'));
  bed = await createTestbed();
  await installPackage(folder);
  // With a manifest of its own, the folder has the tests' model pack.
  await mkdir(path.join(folder, 'models'));
  const manifest = path.join(bed.environment['MODELS_DIR'] ?? '', 'manifest.json');
  await copyFile(manifest, path.join(folder, 'models/manifest.json'));
});
afterAll(async () => {
  await bed.close();
  await rm(folder, { recursive: true });
});

interface Lock {
  readonly packages: Readonly<Record<string, { readonly dev?: boolean }>>;
}

/**
 * As `npm install face-search-worker.tgz`: unpacks what would be published, and links to its dependencies here, without
 * those for development.
 */
async function installPackage(target: string): Promise<void> {
  const { stdout } = await run('npm', ['pack', '--json', '--ignore-scripts', '--pack-destination', target], {
    cwd: root,
  });
  const [{ filename }] = JSON.parse(stdout) as [{ filename: string }];
  const modules = path.join(target, 'node_modules');
  const installed = path.join(modules, 'face-search-worker');
  await mkdir(path.join(modules, '.bin'), { recursive: true });
  await mkdir(installed);
  await run('tar', ['-xzf', path.join(target, filename), '-C', installed, '--strip-components=1']);

  const lock = JSON.parse(await readFile(path.join(root, 'package-lock.json'), 'utf8')) as Lock;
  const topLevel = Object.entries(lock.packages).filter(
    ([place, { dev }]) => dev !== true && /^node_modules\/(@[^/]+\/)?[^/]+$/.test(place),
  );
  for (const [place] of topLevel) {
    await mkdir(path.dirname(path.join(target, place)), { recursive: true });
    await symlink(path.join(root, place), path.join(target, place));
  }
  const { bin } = JSON.parse(await readFile(path.join(installed, 'package.json'), 'utf8')) as {
    bin: Record<string, string>;
  };
  for (const [name, file] of Object.entries(bin)) {
    await run('chmod', ['+x', path.join(installed, file)]);
    await symlink(path.join(installed, file), path.join(modules, '.bin', name));
  }
  await writeFile(path.join(target, 'package.json'), '{}');
}

/** Runs a command of the package in the user's folder. */
async function command(name: string, ...args: string[]): Promise<string> {
  const { MODELS_DIR: _, ...environment } = bed.environment;
  const { stdout } = await run(path.join(folder, 'node_modules/.bin', name), args, {
    cwd: folder,
    env: { PATH: process.env['PATH'], ...environment },
  });
  return stdout;
}

describe('the installed package', () => {
  it('is the supervisor under its own name, so that npx starts it', async () => {
    const { stdout } = await run('npx', ['--no', '--', 'face-search-worker', '--help'], { cwd: folder });
    expect(stdout).toContain('Usage: face-search-worker');
    const wrong = command('face-search-worker', '--gpus');
    await expect(wrong).rejects.toMatchObject({ code: 2, stderr: expect.stringContaining("'--gpus'") });
  });

  it('names its own command where a model is missing', async () => {
    await expect(command('face-search', 'index', STAGE)).rejects.toMatchObject({
      code: 66,
      stderr: expect.stringMatching(/package-\w+\/models\/.*npx face-search models/),
    });
  });

  it('gives programs the form of a job, and nothing else', async () => {
    const script = `import { parseSearchJob } from 'face-search-worker/job'; console.log(typeof parseSearchJob);
      await import('face-search-worker/dist/cli.js').catch((error) => console.log(error.code));`;
    const { stdout } = await run(process.execPath, ['--input-type=module', '-e', script], { cwd: folder });
    expect(stdout).toBe('function\nERR_PACKAGE_PATH_NOT_EXPORTED\n');
  });

  it('fetches models, searches, and shows the page', async () => {
    const mirror = bed.environment['MODELS_DIR'] ?? '';
    expect(await command('face-search', 'models', '--mirror', mirror)).toContain('SHA-256 verified');

    const { MODELS_DIR: _, ...environment } = bed.environment;
    const worker = spawn(path.join(folder, 'node_modules/.bin/face-search-worker'), {
      cwd: folder,
      env: { PATH: process.env['PATH'], ...environment, USE_CPU: '1', DASHBOARD_PORT: '0' },
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    const ended = once(worker, 'exit');
    let log = '';
    worker.stdout.on('data', (text) => (log += text));

    const selfie = path.join(folder, 'selfie.png');
    await writeFile(selfie, await drawPerson(3));
    expect(await command('face-search', 'search', selfie, '--stage', STAGE)).toContain(`${STAGE}/p3.png`);
    const address = await vi.waitFor(() => {
      const found = /http:\/\/[\d.]+:\d+/.exec(log)?.[0];
      if (found === undefined) throw new Error(`No address in the log:\n${log}`);
      return found;
    });
    const page = await Promise.all(
      ['/', '/app/main.js', '/vendor/preact.js'].map((place) => fetch(`${address}${place}`)),
    );
    expect(page.map(({ status }) => status)).toEqual([200, 200, 200]);

    worker.kill('SIGTERM');
    expect(await ended).toEqual([0, null]);
  });
});
