import { execFile } from 'node:child_process';
import type { Logger } from '../shared/logger.js';

export interface ServiceManager {
  /** Says once that the first worker takes jobs. */
  ready(): void;
  /** Says that a stop is under way. */
  stopping(): void;
  stop(): void;
}

/**
 * PM2 (`wait_ready`) is told over the IPC channel, systemd (`Type=notify`, `WatchdogSec`) by its own
 * systemd-notify, because Node has no Unix datagram sockets. Where neither started us, nothing happens.
 */
export function createServiceManager(environment: NodeJS.ProcessEnv, logger: Logger): ServiceManager {
  const underSystemd = environment['NOTIFY_SOCKET'] !== undefined;
  const watchdogUs = Number(environment['WATCHDOG_USEC'] ?? 0);
  let isReady = false;

  const notify = (...states: string[]): void => {
    if (!underSystemd) return;
    execFile('systemd-notify', states, (error) => {
      if (error) logger.warn(`systemd-notify failed: ${error.message}`);
    });
  };

  // systemd.service(5) asks for a sign at half the watchdog's time.
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
