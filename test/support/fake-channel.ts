import { EventEmitter } from 'node:events';
import type { IpcChannel } from '../../src/child/supervisor-link.js';
import type { ChildMessage, SupervisorMessage } from '../../src/shared/ipc.js';

/** Both ends of an IPC channel in one process: the child's, and what the supervisor does and sees. */
export interface FakeChannel {
  readonly channel: IpcChannel;
  readonly told: readonly ChildMessage[];
  /** Settles with the first message of a type, which may have come before. */
  hear<T extends ChildMessage['type']>(type: T): Promise<ChildMessage & { readonly type: T }>;
  order(message: SupervisorMessage): void;
  disconnect(): void;
}

export function createFakeChannel(): FakeChannel {
  const wire = new EventEmitter();
  const told: ChildMessage[] = [];
  const heard = new EventEmitter();
  let connected = true;
  return {
    channel: {
      get connected() {
        return connected;
      },
      send: (message, callback) => {
        // Nothing but JSON crosses a real channel.
        told.push(JSON.parse(JSON.stringify(message)) as ChildMessage);
        heard.emit('message');
        setImmediate(callback, null);
        return true;
      },
      on: (event: string, listener: (message: SupervisorMessage) => void) => wire.on(event, listener),
    },
    told,
    hear: <T extends ChildMessage['type']>(type: T) =>
      new Promise<ChildMessage & { readonly type: T }>((resolve) => {
        const check = (): void => {
          const message = told.find((one) => one.type === type);
          if (message === undefined) return;
          heard.off('message', check);
          resolve(message as ChildMessage & { readonly type: T });
        };
        heard.on('message', check);
        check();
      }),
    order: (message) => void wire.emit('message', message),
    disconnect: () => {
      connected = false;
      wire.emit('disconnect');
    },
  };
}
