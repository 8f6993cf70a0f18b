import { once } from 'node:events';
import { connect, createServer } from 'node:net';

/**
 * A TCP proxy on loopback whose connections can be cut.
 *
 * @typedef {{ port: number, cut(): void, restore(): void, close(): Promise<void> }} RedisProxy
 * @param {number} targetPort
 * @returns {Promise<RedisProxy>}
 */
export async function startRedisProxy(targetPort) {
  /** @type {Set<import('node:net').Socket>} */
  const sockets = new Set();
  let isCut = false;

  const forward = (
    /** @type {import('node:net').Socket} */ from,
    /** @type {import('node:net').Socket} */ to,
  ) => {
    sockets.add(from);
    from.pipe(to);
    // The proxy breaks connections on purpose. Close the other half as well.
    from.on('error', () => to.destroy());
    from.on('close', () => {
      sockets.delete(from);
      to.destroy();
    });
  };

  const server = createServer((client) => {
    if (isCut) {
      client.destroy();
      return;
    }
    const target = connect(targetPort, '127.0.0.1');
    forward(client, target);
    forward(target, client);
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  if (address === null || typeof address === 'string') throw new Error('The proxy has no port');

  const cut = () => {
    isCut = true;
    for (const socket of sockets) socket.destroy();
  };
  return {
    port: address.port,
    cut,
    restore: () => {
      isCut = false;
    },
    close: async () => {
      cut();
      server.close();
      await once(server, 'close');
    },
  };
}
