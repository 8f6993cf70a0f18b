import { execFile } from 'node:child_process';
import type { Logger } from '../shared/logger.js';

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
  let isReady = false;

  const notify = (...states: string[]): void => {
    if (!underSystemd) return;
    execFile('systemd-notify', states, (error) => {
      if (error) logger.warn(`systemd-notify failed: ${error.message}`);
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
