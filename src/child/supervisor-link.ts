import { availableParallelism } from 'node:os';
import type { ChildMessage, ChildStats, SupervisorMessage } from '../shared/ipc.js';
import { createEventLoopMeter } from './event-loop-meter.js';

/** The child's handlers for messages of its supervisor. */
export interface Commands {
  init(init: SupervisorMessage & { readonly type: 'init' }): void;
  quiet(): void;
  resume(): void;
  drain(timeoutMs: number): void;
  cancel(jobId: string): void;
  /** The supervisor has died. */
  orphaned(): void;
}

export interface SupervisorLink {
  send(message: ChildMessage): void;
  /** Settles once the message has left this process, or at once if the supervisor is gone. */
  sendLast(message: ChildMessage): Promise<void>;
}

/** The part of `process` that exists only in a forked child. */
export interface IpcChannel {
  readonly connected: boolean;
  send(message: ChildMessage, callback: (error: Error | null) => void): boolean;
  on(event: 'message', listener: (message: SupervisorMessage) => void): unknown;
  on(event: 'disconnect', listener: () => void): unknown;
}

/** Listens before it sends `hello`, so that it cannot miss the supervisor's `init`. */
export function linkToSupervisor(
  channel: IpcChannel,
  commands: Commands,
  work: () => Pick<ChildStats, 'activeJobs' | 'stalledReason' | 'inferenceSilentMs' | 'oomSteps'>,
): SupervisorLink {
  const eventLoop = createEventLoopMeter();
  const takeCpuPercent = createCpuMeter();

  const sendLast = (message: ChildMessage): Promise<void> =>
    new Promise((resolve) => {
      // The only possible error is a channel that has just closed. `disconnect` reports it.
      if (channel.connected) channel.send(message, () => resolve());
      else resolve();
    });
  const send = (message: ChildMessage): void => void sendLast(message);

  channel.on('message', (message) => {
    switch (message.type) {
      case 'init':
        commands.init(message);
        break;
      case 'ping':
        send({
          type: 'pong',
          seq: message.seq,
          stats: {
            rssMb: residentMb(),
            cpuPercent: takeCpuPercent(),
            eventLoopDelayMaxMs: eventLoop.takeMaxMs(),
            ...work(),
          },
        });
        break;
      case 'quiet':
        commands.quiet();
        break;
      case 'resume':
        commands.resume();
        break;
      case 'drain':
        commands.drain(message.timeoutMs);
        break;
      case 'cancel':
        commands.cancel(message.jobId);
        break;
    }
  });
  channel.on('disconnect', () => {
    eventLoop.stop();
    commands.orphaned();
  });
  send({ type: 'hello' });

  return { send, sendLast };
}

/** Returns 0 if the size is unknown: Node reads /proc, which a container may hide. */
function residentMb(): number {
  try {
    return Math.round(process.memoryUsage.rss() / 2 ** 20);
  } catch {
    return 0;
  }
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
