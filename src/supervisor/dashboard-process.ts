import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import { performance } from 'node:perf_hooks';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Logger } from '../shared/logger.js';
import { nodeOptions } from '../shared/node-options.js';
import { createErrorTail } from './slots/error-tail.js';
import { decideRestart, NO_CRASHES } from './slots/restart-policy.js';

/** The dashboard has no work to finish. */
const STOP_TIMEOUT_MS = 3000;
/** A killed process whose gallery hangs ends only when the file system answers. It holds nothing that others need. */
const KILL_TIMEOUT_MS = 1000;

/**
 * V8's heap grows less, and has one helper thread. The dashboard answers as fast, with 15 MB less. In a child, more garbage
 * collection would make searches with large selfies 5 to 10 % slower.
 */
const SMALL_HEAP = ['--optimize-for-size', '--v8-pool-size=1'];

/** The dashboard's process. Its failures do not affect the workers. */
export interface DashboardProcess {
  /** Starts the dashboard, or replaces the running one to apply a new build or new settings. */
  restart(): Promise<void>;
  stop(): Promise<void>;
}

/**
 *   down ──restart──▶ up ──crash──▶ waiting ──backoff──▶ up
 *     ▲               ├──crash that a restart cannot fix──▶ down
 *     └──────stop─────┴── (also from waiting)
 */
type DashboardState =
  | { readonly kind: 'down' }
  | { readonly kind: 'up'; readonly child: ChildProcess }
  | { readonly kind: 'waiting'; readonly timer: NodeJS.Timeout };

export function createDashboardProcess(
  modulePath: string,
  logger: Logger,
  random: () => number = Math.random,
): DashboardProcess {
  let state: DashboardState = { kind: 'down' };
  let crashes = NO_CRASHES;

  const start = (): void => {
    const startedMs = performance.now();
    const child = fork(modulePath, [], {
      execArgv: [...nodeOptions(), ...SMALL_HEAP],
      stdio: ['ignore', 'inherit', 'pipe', 'ipc'],
    });
    const errorTail = createErrorTail(child.stderr);
    state = { kind: 'up', child };

    const onEnd = (how: string, code: number | null): void => {
      if (state.kind !== 'up' || state.child !== child) return;
      const description = [`The dashboard ${how}`, errorTail.lastLine()]
        .filter((text) => text !== null)
        .join(': ')
        .replace(/\.$/, '');
      recover(description, code, startedMs);
    };
    child.once('close', (code, signal) =>
      onEnd(signal === null ? `exited with code ${code}` : `was killed by ${signal}`, code),
    );
    child.on('error', (error) => {
      // For a running process the error concerns the IPC channel; `close` follows.
      if (child.pid === undefined) onEnd(`could not start (${error.message})`, null);
    });
  };

  const recover = (description: string, code: number | null, startedMs: number): void => {
    const now = performance.now();
    const decision = decideRestart(crashes, { now, code, servedMs: now - startedMs, description }, random);
    crashes = decision.history;
    const at = decision.kind === 'retry' ? decision.at : decision.retryAt;
    if (at === null) {
      logger.error(`${description}; it stays down until the next rolling restart`);
      state = { kind: 'down' };
      return;
    }
    logger.error(`${description}; restarting it in ${((at - now) / 1000).toFixed(1)} s`);
    state = { kind: 'waiting', timer: setTimeout(start, at - now) };
  };

  const stop = async (): Promise<void> => {
    const before = state;
    state = { kind: 'down' };
    if (before.kind === 'waiting') clearTimeout(before.timer);
    if (before.kind !== 'up' || before.child.exitCode !== null || before.child.signalCode !== null) return;
    const ended = once(before.child, 'exit');
    before.child.kill('SIGTERM');
    if (await endsWithin(ended, STOP_TIMEOUT_MS)) return;
    before.child.kill('SIGKILL');
    if (!(await endsWithin(ended, KILL_TIMEOUT_MS)))
      logger.error({ childPid: before.child.pid }, 'The dashboard was killed and does not end');
  };

  return {
    restart: async () => {
      await stop();
      crashes = NO_CRASHES;
      start();
    },
    stop,
  };
}

async function endsWithin(ended: Promise<unknown>, timeoutMs: number): Promise<boolean> {
  const timer = new AbortController();
  const late = sleep(timeoutMs, false, { signal: timer.signal }).catch(() => true);
  const isEnded = await Promise.race([ended.then(() => true), late]);
  timer.abort();
  return isEnded;
}
