import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import type { Config } from '../../src/shared/config.js';
import type { ChildMessage, SupervisorMessage } from '../../src/shared/ipc.js';

/** A real child process, and a supervisor that does what the test tells it to. */
export interface RealChild {
  readonly process: ChildProcess;
  init(config: Config): void;
  order(message: SupervisorMessage): void;
  /** Settles with the next message of a type. */
  hear<T extends ChildMessage['type']>(type: T): Promise<ChildMessage & { readonly type: T }>;
  readonly exited: Promise<{ readonly code: number | null; readonly signal: NodeJS.Signals | null }>;
  /** Ends it, whatever it does. */
  stop(): Promise<void>;
}

export function forkRealChild(): RealChild {
  const child = fork('dist/child.js', [], { stdio: ['ignore', 'ignore', 'inherit', 'ipc'] });
  const exited = once(child, 'exit').then(([code, signal]) => ({
    code: code as number | null,
    signal: signal as NodeJS.Signals | null,
  }));
  const order = (message: SupervisorMessage): void => void child.send(message);
  return {
    process: child,
    init: (config) => {
      const device = { kind: 'cpu', index: 0, name: 'Processor' } as const;
      order({ type: 'init', workerId: 'host_cpu0', device, config, cores: 1, quiet: false, cautious: false });
    },
    order,
    hear: <T extends ChildMessage['type']>(type: T) =>
      new Promise<ChildMessage & { readonly type: T }>((resolve) => {
        const listen = (message: ChildMessage): void => {
          if (message.type !== type) return;
          child.off('message', listen);
          resolve(message as ChildMessage & { readonly type: T });
        };
        child.on('message', listen);
      }),
    exited,
    stop: async () => {
      child.kill('SIGKILL');
      await exited;
    },
  };
}
