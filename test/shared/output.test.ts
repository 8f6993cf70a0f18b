import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { closeSync, openSync, readFileSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { createOutput, type Output } from '../../src/shared/output.js';

const LOGGER = new URL('../../dist/shared/logger.js', import.meta.url).href;
const describeDropped = (lines: number, reason: string) => `dropped ${lines}: ${reason}\n`;

let directory: string;
beforeEach(async () => {
  directory = await mkdtemp(path.join(tmpdir(), 'output-'));
});
afterEach(() => rm(directory, { recursive: true }));

function outputTo(file: string): { output: Output; fd: number } {
  const fd = openSync(file, 'w');
  return { output: createOutput(fd, describeDropped), fd };
}

/** A process that logs more than a pipe holds and then exits, with its standard output as the shell command says. */
async function logTo(redirection: string): Promise<{ code: number | null; stderr: string }> {
  const script = `
    const { createLogger } = await import(${JSON.stringify(LOGGER)});
    const logger = createLogger('test', 'info');
    for (let i = 0; i < 3000; i += 1) logger.info('x'.repeat(200));
    process.stderr.write('done');
    process.exit(5);`;
  const command = `"$NODE" --input-type=module -e "$SCRIPT" ${redirection}`;
  const child = spawn('bash', ['-c', `set -o pipefail; ${command}`], {
    env: { ...process.env, NODE: process.execPath, SCRIPT: script },
    stdio: ['ignore', 'ignore', 'pipe'],
  });
  let stderr = '';
  child.stderr.on('data', (chunk: Buffer) => (stderr += chunk.toString()));
  const [code] = (await once(child, 'close')) as [number | null];
  return { code, stderr };
}

describe('an output', () => {
  it('writes to a file', () => {
    const file = path.join(directory, 'log');
    const { output, fd } = outputTo(file);
    output.write('one\n');
    output.write('two\n');
    expect(readFileSync(file, 'utf8')).toBe('one\ntwo\n');
    closeSync(fd);
  });

  it('drops lines while the disk is full', () => {
    const { output, fd } = outputTo('/dev/full');
    for (let i = 0; i < 1000; i += 1) output.write('lost\n');
    closeSync(fd);
  });

  it('reports how many lines it dropped once writing works again', () => {
    const file = path.join(directory, 'log');
    const { output, fd } = outputTo(file);
    closeSync(fd);
    output.write('lost\n');
    output.write('lost\nlost\n');
    const again = openSync(file, 'a');
    expect(again).toBe(fd);
    output.write('kept\n');
    expect(readFileSync(file, 'utf8')).toBe('kept\ndropped 3: EBADF\n');
    closeSync(again);
  });
});

describe('a process whose standard output is lost', () => {
  it.each([
    ['a full disk', '>/dev/full'],
    ['a pipe whose reader has gone', '| true'],
    ['a pipe without a reader', '| sleep 3'],
    ['a closed descriptor', '>&-'],
  ])('goes on and exits with its own code: %s', async (_what, redirection) => {
    expect(await logTo(redirection)).toEqual({ code: 5, stderr: 'done' });
  });
});
