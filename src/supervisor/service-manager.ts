import type { Logger } from '../shared/logger.js';
import { type CommandResult, createCommand } from './devices/run-command.js';

const NOTIFY_TIMEOUT_MS = 5000;

export interface ServiceManager {
  /** Reports once that the first worker takes jobs. */
  ready(): void;
  /** Reports that the supervisor is stopping. */
  stopping(): void;
  stop(): void;
}

/**
 * Notifies PM2 (`wait_ready`) over the IPC channel and systemd (`Type=notify`, `WatchdogSec`) with systemd-notify,
 * because Node has no Unix datagram sockets. Does nothing without a service manager.
 */
export function createServiceManager(environment: NodeJS.ProcessEnv, logger: Logger): ServiceManager {
  const underSystemd = environment['NOTIFY_SOCKET'] !== undefined;
  const watchdogUs = Number(environment['WATCHDOG_USEC'] ?? 0);
  const systemdNotify = createCommand('systemd-notify');
  let isReady = false;
  let lastProblem: string | null = null;

  const notify = (...states: string[]): void => {
    if (!underSystemd) return;
    void systemdNotify(states, { timeoutMs: NOTIFY_TIMEOUT_MS }).then((result) => {
      const problem = describeFailure(result);
      if (problem !== null && problem !== lastProblem) logger.warn(`systemd-notify failed: ${problem}`);
      lastProblem = problem;
    });
  };

  // sd_watchdog_enabled(3) recommends half of the watchdog's timeout.
  const watchdog =
    underSystemd && watchdogUs > 0 ? setInterval(() => notify('WATCHDOG=1'), watchdogUs / 2000) : undefined;
  watchdog?.unref();

  return {
    ready: () => {
      if (isReady) return;
      isReady = true;
      process.send?.('ready');
      notify('--ready', 'STATUS=Taking jobs');
    },
    stopping: () => notify('STOPPING=1', 'STATUS=Finishing the running jobs'),
    stop: () => clearInterval(watchdog),
  };
}

function describeFailure(result: CommandResult): string | null {
  switch (result.kind) {
    case 'exited':
      return result.code === 0 ? null : result.stderr.trim() || `exit code ${result.code ?? result.signal}`;
    case 'not-started':
      return result.error.message;
    case 'late':
      return result.reason;
  }
}
