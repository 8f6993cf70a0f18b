import { PassThrough } from 'node:stream';
import type { FastifyReply } from 'fastify';
import { ApiError } from '../api/api-error.js';

/** Most proxies close a connection that is silent for a minute. */
const KEEP_ALIVE_MS = 15_000;
/** A client that reads nothing for this long is gone, or too slow for live data. */
const UNREAD_TIMEOUT_MS = 30_000;
/** An event is dropped while more than this is unread; the events are no larger for most fleets. */
const MAX_UNREAD_BYTES = 2 ** 20;
const MAX_STREAMS = 500;

let streams = 0;

export interface EventStream {
  /** Sends an event, or drops it while too much is unread: newer data follows. */
  send(frame: string): void;
  /** Sends the last event, and ends the stream. */
  end(frame: string): void;
}

/** One server-sent event. Serialised once, it can be sent to many clients. */
export function formatEvent(event: string, data: unknown): string {
  return `event: ${event}\ndata: ${JSON.stringify(data)}\n\n`;
}

/**
 * Answers a request with server-sent events (https://html.spec.whatwg.org/multipage/server-sent-events.html). What a
 * client has not read is bounded: new events are dropped meanwhile, and after half a minute the connection is closed.
 *
 * @param start begins to send; returns what to do when the client has gone or the stream has ended
 * @throws {ApiError} `RATE_LIMITED` when too many streams are open
 */
export function streamEvents(reply: FastifyReply, start: (stream: EventStream) => () => void): FastifyReply {
  if (streams >= MAX_STREAMS)
    throw new ApiError(429, 'RATE_LIMITED', 'Too many event streams are open; try again later.');
  const body = new PassThrough();
  let unread: NodeJS.Timeout | null = null;

  const write = (frame: string): void => {
    if (!body.writable || body.write(frame)) return;
    unread ??= setTimeout(() => body.destroy(), UNREAD_TIMEOUT_MS);
  };
  body.on('drain', () => {
    clearTimeout(unread ?? undefined);
    unread = null;
  });
  const send = (frame: string): void => {
    if (body.writableLength <= MAX_UNREAD_BYTES) write(frame);
  };
  const keepAlive = setInterval(() => send(':\n\n'), KEEP_ALIVE_MS);
  const cleanUp = start({
    send,
    end: (frame) => {
      write(frame);
      body.end();
    },
  });
  streams += 1;
  body.once('close', () => {
    streams -= 1;
    clearInterval(keepAlive);
    clearTimeout(unread ?? undefined);
    cleanUp();
  });
  // The client may go at any time.
  body.on('error', () => undefined);
  return (
    reply
      .header('content-type', 'text/event-stream')
      .header('cache-control', 'no-store')
      // Keeps nginx from buffering the events.
      .header('x-accel-buffering', 'no')
      .send(body)
  );
}
