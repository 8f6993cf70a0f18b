import { type ChildProcess, spawn } from 'node:child_process';

export type CommandResult =
  | {
      readonly kind: 'exited';
      readonly code: number | null;
      readonly signal: NodeJS.Signals | null;
      readonly stdout: string;
      readonly stderr: string;
    }
  /** The program does not exist or cannot be started. */
  | { readonly kind: 'not-started'; readonly error: NodeJS.ErrnoException }
  /** There is no answer in time, or a process of an earlier run still hangs. */
  | { readonly kind: 'late'; readonly reason: string };

export interface CommandOptions {
  readonly timeoutMs: number;
  readonly maxBytes?: number;
}

/** Runs a program with these arguments. Never rejects. */
export type Command = (args: readonly string[], options: CommandOptions) => Promise<CommandResult>;

const MAX_BYTES = 2 ** 20;

/**
 * A program that this process runs again and again, one process at a time. A process in uninterruptible sleep survives
 * SIGKILL and never exits. So a run ends at its deadline even if its process goes on, and while such a process is left,
 * there is no other one.
 */
export function createCommand(program: string, start: typeof spawn = spawn): Command {
  let last: Promise<unknown> = Promise.resolve();
  let hung: ChildProcess | null = null;

  const run = (
    args: readonly string[],
    { timeoutMs, maxBytes = MAX_BYTES }: CommandOptions,
  ): Promise<CommandResult> => {
    if (hung !== null) {
      const reason = `${program} still hangs (process ${hung.pid})`;
      return Promise.resolve({ kind: 'late', reason });
    }
    return new Promise((resolve) => {
      const child = start(program, args, { stdio: ['ignore', 'pipe', 'pipe'] });
      const output = { stdout: '', stderr: '' };
      let exited = false;

      const timer = setTimeout(() => {
        if (!exited) hung = child;
        child.kill('SIGKILL');
        // A grandchild may keep the pipes open.
        child.stdout?.destroy();
        child.stderr?.destroy();
        child.unref();
        resolve({ kind: 'late', reason: `${program} did not answer within ${timeoutMs / 1000} s` });
      }, timeoutMs);

      for (const name of ['stdout', 'stderr'] as const) {
        child[name]?.setEncoding('utf8').on('data', (text: string) => {
          output[name] = (output[name] + text).slice(0, maxBytes);
        });
        // The exit code says enough.
        child[name]?.on('error', () => undefined);
      }
      child.once('exit', () => {
        exited = true;
        if (hung === child) hung = null;
      });
      child.once('error', (error) => {
        clearTimeout(timer);
        resolve({ kind: 'not-started', error });
      });
      child.once('close', (code, signal) => {
        clearTimeout(timer);
        resolve({ kind: 'exited', code, signal, ...output });
      });
    });
  };

  return (args, options) => {
    const result = last.then(() => run(args, options));
    last = result;
    return result;
  };
}
