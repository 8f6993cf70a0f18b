import { type ChildProcess, spawn } from 'node:child_process';
import { EventEmitter } from 'node:events';
import { describe, expect, it } from 'vitest';
import { createCommand } from '../../../src/supervisor/devices/run-command.js';

const SOON = { timeoutMs: 50 };
const LONG = { timeoutMs: 10_000 };

/** Starts processes that ignore every signal and never exit, as in uninterruptible sleep. */
function startUnkillable() {
  const started: EventEmitter[] = [];
  const start = (() => {
    const child = Object.assign(new EventEmitter(), { pid: 4711, kill: () => true, unref: () => undefined });
    started.push(child);
    return child as unknown as ChildProcess;
  }) as typeof spawn;
  return { start, started };
}

describe('a command', () => {
  it('returns its output and exit code', async () => {
    const result = await createCommand('sh')(['-c', 'echo out; echo err >&2; exit 3'], LONG);
    expect(result).toEqual({ kind: 'exited', code: 3, signal: null, stdout: 'out\n', stderr: 'err\n' });
  });

  it('reports a program that does not exist', async () => {
    const result = await createCommand('no-such-program')([], LONG);
    expect(result).toMatchObject({ kind: 'not-started', error: { code: 'ENOENT' } });
  });

  it('ends at its deadline if the process can never exit, and starts no second one beside it', async () => {
    const { start, started } = startUnkillable();
    const command = createCommand('stuck', start);
    expect(await command([], SOON)).toEqual({
      kind: 'late',
      reason: 'stuck did not answer within 0.05 s',
    });
    expect(await command([], LONG)).toEqual({ kind: 'late', reason: 'stuck still hangs (process 4711)' });
    expect(started).toHaveLength(1);
  });

  it('runs again once the hung process has exited', async () => {
    const { start, started } = startUnkillable();
    const command = createCommand('stuck', start);
    await command([], SOON);
    started[0]?.emit('exit', null, 'SIGKILL');
    expect(await command([], SOON)).toMatchObject({ reason: expect.stringContaining('did not answer') });
    expect(started).toHaveLength(2);
  });

  it('starts one process at a time, so that concurrent callers leave one hung process behind', async () => {
    const { start, started } = startUnkillable();
    const command = createCommand('stuck', start);
    const results = await Promise.all([command([], SOON), command([], SOON), command([], SOON)]);
    expect(results.map(({ kind }) => kind)).toEqual(['late', 'late', 'late']);
    expect(started).toHaveLength(1);
  });

  it('ends at its deadline even if a grandchild keeps the output open', async () => {
    const command = createCommand('sh');
    const result = await command(['-c', 'sleep 5 & sleep 5'], { timeoutMs: 200 });
    expect(result).toMatchObject({ kind: 'late' });
    await expect
      .poll(() => command(['-c', 'echo again'], LONG), { timeout: 5000 })
      .toMatchObject({ kind: 'exited', stdout: 'again\n' });
  });

  it('keeps a bounded part of a long output', async () => {
    const result = await createCommand('sh')(['-c', 'head -c 5000 /dev/zero'], { ...LONG, maxBytes: 1000 });
    expect(result.kind === 'exited' && result.stdout.length).toBe(1000);
  });
});
