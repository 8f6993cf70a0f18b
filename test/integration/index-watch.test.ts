import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdir, rename, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { afterEach, beforeEach, describe, expect, it, onTestFinished, vi } from 'vitest';
import { createTestbed, drawPerson, STAGE, type Testbed } from '../support/testbed.js';

const CLI = path.resolve(import.meta.dirname, '../../dist/cli.js');

let bed: Testbed;
let gallery: string;
beforeEach(async () => {
  bed = await createTestbed();
  gallery = bed.environment['GALLERY_DIR'] ?? '';
});
afterEach(() => bed.close());

interface Watch {
  /** Resolves once the output has the text, now or later. */
  prints(text: string): Promise<void>;
  /** Sends a signal. @returns the exit code */
  end(signal: NodeJS.Signals): Promise<number | null>;
}

/** `face-search index --watch` */
function watch(stage: string): Watch {
  const child = spawn(process.execPath, [CLI, 'index', stage, '--watch'], {
    env: { PATH: process.env['PATH'], ...bed.environment },
    cwd: gallery,
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  onTestFinished(() => void child.kill('SIGKILL'));
  const exited = once(child, 'exit');
  let output = '';
  for (const stream of [child.stdout, child.stderr]) stream.on('data', (text) => (output += text));
  return {
    prints: (text) => vi.waitFor(() => expect(output).toContain(text), { timeout: 40_000, interval: 50 }),
    end: async (signal) => {
      child.kill(signal);
      const [code] = (await exited) as [number | null];
      return code;
    },
  };
}

describe('index --watch', () => {
  it('indexes the photos that arrive until Ctrl-C', async () => {
    await bed.supervisor();
    await bed.recorded('host_cpu0', ({ status }) => status === 'online');
    const { prints, end } = watch('Day-1');
    await prints('Day-1: 6 photos with 6 faces (0 below the quality limits); 6 indexed now');
    await prints('Waiting for new photos.');
    await writeFile(path.join(gallery, STAGE, 'late.png'), await drawPerson(7));
    await prints('Day-1: 7 photos with 7 faces (0 below the quality limits); 1 indexed now');
    await writeFile(path.join(gallery, STAGE, 'broken.jpg'), 'not a photo');
    await prints('Skipped photo Day-1/Morning/broken.jpg');
    expect(await end('SIGINT')).toBe(0);
    await prints('Ended; 8 photos indexed.');
  });

  it('waits for a stage, for the gallery and for Redis, and ends with SIGTERM', async () => {
    const { prints, end } = watch('Day-2');
    await prints('"Day-2" names no folder');
    await mkdir(path.join(gallery, 'Day-2'));
    await prints('Day-2: 0 photos');
    await rename(gallery, `${gallery}-away`);
    await prints('GALLERY_DIR does not exist');
    await rename(`${gallery}-away`, gallery);
    await bed.server.halt();
    await prints('Redis is away; waiting for it.');
    await bed.server.start();
    await prints('Redis is back.');
    expect(await end('SIGTERM')).toBe(0);
  });
});
