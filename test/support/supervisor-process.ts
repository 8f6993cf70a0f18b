import { type ChildProcess, spawn } from 'node:child_process';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';

const SUPERVISOR = fileURLToPath(new URL('../../dist/supervisor.js', import.meta.url));

/** One line of the supervisor's or a child's log. */
export interface LogLine {
  readonly level?: string;
  readonly msg: string;
  readonly worker?: string;
  readonly [field: string]: unknown;
}

export interface SupervisorProcess {
  readonly pid: number;
  /** The folder it runs in: a `.env` written here is read by it. */
  readonly directory: string;
  readonly lines: readonly LogLine[];
  /** The first message over the channel that PM2 gives to what it starts. */
  readonly message: Promise<unknown>;
  /** The first line, now or later, that `accept` takes; from line number `from` on. */
  line(accept: (line: LogLine) => boolean, from?: number): Promise<LogLine>;
  signal(signal: NodeJS.Signals): void;
  readonly exited: Promise<{ code: number | null; signal: NodeJS.Signals | null }>;
  /** Ends it if it still runs, and removes its folder. */
  dispose(): Promise<void>;
}

export interface ProcessLimits {
  /** Arguments of the shell's `ulimit`, for example `-v 8000000`. */
  readonly ulimit?: string;
}

/** Runs the built supervisor in a folder of its own, with its log read line by line. */
export async function startSupervisorProcess(
  environment: Record<string, string>,
  { ulimit }: ProcessLimits = {},
): Promise<SupervisorProcess> {
  const directory = await mkdtemp(path.join(tmpdir(), 'supervisor-'));
  const command = [process.execPath, SUPERVISOR] as const;
  const [file, ...args] =
    ulimit === undefined ? command : ['sh', '-c', `ulimit ${ulimit} && exec "$0" "$@"`, ...command];
  const child: ChildProcess = spawn(file, args, {
    cwd: directory,
    env: { PATH: process.env['PATH'], LOG_LEVEL: 'debug', ...environment },
    stdio: ['ignore', 'pipe', 'pipe', 'ipc'],
  });
  const message = new Promise<unknown>((resolve) => child.once('message', resolve));
  const lines: LogLine[] = [];
  const listeners = new Set<(line: LogLine) => void>();
  for (const stream of [child.stdout, child.stderr]) {
    if (stream === null) continue;
    createInterface({ input: stream }).on('line', (text) => {
      const line = parseLine(text);
      lines.push(line);
      for (const listener of listeners) listener(line);
    });
  }
  const exited = new Promise<{ code: number | null; signal: NodeJS.Signals | null }>((resolve) => {
    child.once('close', (code, signal) => resolve({ code, signal }));
  });

  return {
    pid: child.pid ?? 0,
    directory,
    lines,
    message,
    line: (accept, from = 0) => {
      const found = lines.slice(from).find((line) => accept(line));
      if (found !== undefined) return Promise.resolve(found);
      return new Promise((resolve, reject) => {
        const listener = (line: LogLine): void => {
          if (!accept(line)) return;
          listeners.delete(listener);
          resolve(line);
        };
        listeners.add(listener);
        void exited.then(() =>
          reject(
            new Error(
              `The supervisor ended first. Its log:\n${lines.map((l) => JSON.stringify(l)).join('\n')}`,
            ),
          ),
        );
      });
    },
    signal: (signal) => void child.kill(signal),
    exited,
    dispose: async () => {
      if (child.exitCode === null && child.signalCode === null) {
        child.kill('SIGTERM');
        const timer = setTimeout(() => child.kill('SIGKILL'), 15_000);
        await exited;
        clearTimeout(timer);
      }
      await rm(directory, { recursive: true, force: true });
    },
  };
}

function parseLine(text: string): LogLine {
  try {
    return JSON.parse(text) as LogLine;
  } catch {
    return { msg: text };
  }
}
