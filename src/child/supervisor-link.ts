import { availableParallelism } from 'node:os';
import type { ChildMessage, ChildStats, SupervisorMessage } from '../shared/ipc.js';
import { createEventLoopMeter } from './event-loop-meter.js';

/** What the supervisor may ask of a child. */
export interface Orders {
  init(init: SupervisorMessage & { readonly type: 'init' }): void;
  quiet(): void;
  resume(): void;
  drain(timeoutMs: number): void;
  cancel(jobId: string): void;
  /** The supervisor is gone: nobody is left to obey. */
  orphaned(): void;
}

export interface SupervisorLink {
  tell(message: ChildMessage): void;
  /** Settles once the message has left this process; a supervisor that is gone counts as told. */
  tellLast(message: ChildMessage): Promise<void>;
}

/** The part of `process` that a child of `fork` has and another process has not. */
export interface IpcChannel {
  readonly connected: boolean;
  send(message: ChildMessage, callback: (error: Error | null) => void): boolean;
  on(event: 'message', listener: (message: SupervisorMessage) => void): unknown;
  on(event: 'disconnect', listener: () => void): unknown;
}

/** Listens first, then says `hello`: the supervisor's `init` cannot be missed. */
export function linkToSupervisor(
  channel: IpcChannel,
  orders: Orders,
  work: () => Pick<ChildStats, 'activeJobs' | 'stalledReason' | 'inferenceSilentMs' | 'oomSteps'>,
): SupervisorLink {
  const eventLoop = createEventLoopMeter();
  const takeCpuPercent = createCpuMeter();

  const tellLast = (message: ChildMessage): Promise<void> =>
    new Promise((resolve) => {
      // The only error is a channel that has just closed, of which `disconnect` tells.
      if (channel.connected) channel.send(message, () => resolve());
      else resolve();
    });
  const tell = (message: ChildMessage): void => void tellLast(message);

  channel.on('message', (message) => {
    switch (message.type) {
      case 'init':
        orders.init(message);
        break;
      case 'ping':
        tell({
          type: 'pong',
          seq: message.seq,
          stats: {
            rssMb: Math.round(process.memoryUsage.rss() / 2 ** 20),
            cpuPercent: takeCpuPercent(),
            eventLoopDelayMaxMs: eventLoop.takeMaxMs(),
            ...work(),
          },
        });
        break;
      case 'quiet':
        orders.quiet();
        break;
      case 'resume':
        orders.resume();
        break;
      case 'drain':
        orders.drain(message.timeoutMs);
        break;
      case 'cancel':
        orders.cancel(message.jobId);
        break;
    }
  });
  channel.on('disconnect', () => {
    eventLoop.stop();
    orders.orphaned();
  });
  tell({ type: 'hello' });

  return { tell, tellLast };
}

/** Returns a function that measures the CPU use of this process since its last call, as a percentage of all cores. */
function createCpuMeter(): () => number {
  let lastMs = performance.now();
  let lastUsage = process.cpuUsage();
  return () => {
    const nowMs = performance.now();
    const { user, system } = process.cpuUsage(lastUsage);
    const usedMs = (user + system) / 1000;
    const availableMs = (nowMs - lastMs) * availableParallelism();
    lastMs = nowMs;
    lastUsage = process.cpuUsage();
    return Math.min(100, Math.round((100 * usedMs) / availableMs));
  };
}
