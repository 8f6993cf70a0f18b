import { PassThrough } from 'node:stream';
import type { FastifyReply } from 'fastify';

/** Proxies close connections on which nothing happens; most of them after a minute. */
const KEEP_ALIVE_MS = 15_000;

export interface EventStream {
  send(event: string, data: unknown): void;
  end(): void;
}

/**
 * Answers a request with server-sent events (https://html.spec.whatwg.org/multipage/server-sent-events.html).
 *
 * @param start sends the events; returns what is to be done when the client has gone or the stream has ended
 */
export function streamEvents(reply: FastifyReply, start: (stream: EventStream) => () => void): FastifyReply {
  const body = new PassThrough();
  const keepAlive = setInterval(() => body.write(':\n\n'), KEEP_ALIVE_MS);
  const cleanUp = start({
    send: (event, data) => {
      if (body.writable) body.write(`event: ${event}\ndata: ${JSON.stringify(data)}\n\n`);
    },
    end: () => body.end(),
  });
  body.once('close', () => {
    clearInterval(keepAlive);
    cleanUp();
  });
  return (
    reply
      .header('content-type', 'text/event-stream')
      .header('cache-control', 'no-store')
      // nginx would gather what it shall pass on at once.
      .header('x-accel-buffering', 'no')
      .send(body)
  );
}
