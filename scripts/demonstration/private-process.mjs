import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';

const KEPT_LINES = 40;

/** A process that this script must stop. @typedef {ReturnType<typeof startPrivateProcess>} PrivateProcess */

/**
 * Starts a process in its own process group. Ctrl-C in the terminal then reaches only this script, which stops its
 * processes in order.
 *
 * @param {string} name for messages
 * @param {readonly [command: string, ...args: string[]]} commandLine
 * @param {{ cwd: string, env?: NodeJS.ProcessEnv }} options
 */
export function startPrivateProcess(name, [command, ...args], options) {
  const child = spawn(command, args, { ...options, detached: true, stdio: ['ignore', 'pipe', 'pipe'] });
  /** @type {string[]} */
  const lines = [];
  for (const stream of [child.stdout, child.stderr]) {
    createInterface({ input: stream }).on('line', (line) => {
      lines.push(line);
      if (lines.length > KEPT_LINES) lines.shift();
    });
  }
  const loss = new AbortController();
  const ended = once(child, 'close').then(
    ([code, signal]) => `${name} ended (${signal ?? `exit code ${code}`})`,
    (error) => `${name} did not start: ${error.message}`,
  );
  void ended.then((end) => loss.abort(new Error(`${end}. Its last output:\n${lines.join('\n')}`)));

  return {
    /** Aborts when the process ends. The reason says how it ended. */
    lost: loss.signal,

    /**
     * Sends SIGTERM, and kills the whole process group after `timeoutMs`.
     *
     * @param {number} timeoutMs
     */
    async stop(timeoutMs) {
      if (child.pid === undefined || child.exitCode !== null || child.signalCode !== null) return;
      child.kill('SIGTERM');
      const group = -child.pid;
      const timer = setTimeout(() => process.kill(group, 'SIGKILL'), timeoutMs);
      await ended;
      clearTimeout(timer);
    },
  };
}

/**
 * Waits for a task until the signal aborts.
 *
 * @template T
 * @param {Promise<T>} task
 * @param {AbortSignal} signal
 * @returns {Promise<T>}
 * @throws the signal's reason
 */
export async function unlessAborted(task, signal) {
  signal.throwIfAborted();
  const settled = new AbortController();
  const aborted = new Promise((_, reject) => {
    signal.addEventListener('abort', () => reject(signal.reason), { signal: settled.signal });
  });
  try {
    return await Promise.race([task, /** @type {Promise<never>} */ (aborted)]);
  } finally {
    settled.abort();
  }
}
