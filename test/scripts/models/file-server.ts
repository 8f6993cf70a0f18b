import { once } from 'node:events';
import { type IncomingMessage, type ServerResponse, createServer } from 'node:http';
import type { AddressInfo } from 'node:net';

/** What the server does with one request; the last behaviour holds for all that follow. */
export type Behaviour =
  | { readonly kind: 'whole' }
  /** Honours `Range`. */
  | { readonly kind: 'ranges' }
  /** Honours `Range`, and sends no more after so many bytes. */
  | { readonly kind: 'stall'; readonly afterBytes: number }
  | { readonly kind: 'status'; readonly status: number }
  | { readonly kind: 'redirect'; readonly location: string };

export interface FileServer {
  readonly url: string;
  /** Path and `Range` of each request so far. */
  readonly requests: readonly { readonly path: string | undefined; readonly range: string | undefined }[];
  cutConnections(): void;
  stop(): Promise<void>;
}

/** A web server on the loopback interface that has one file, whatever the path. */
export async function startFileServer(content: Buffer, ...behaviours: Behaviour[]): Promise<FileServer> {
  const requests: { path: string | undefined; range: string | undefined }[] = [];
  const server = createServer((request, response) => {
    const behaviour = behaviours[Math.min(requests.length, behaviours.length - 1)] ?? { kind: 'ranges' };
    requests.push({ path: request.url, range: request.headers.range });
    answer(request, response, content, behaviour);
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    requests,
    cutConnections: () => server.closeAllConnections(),
    stop: async () => {
      server.close();
      server.closeAllConnections();
      await once(server, 'close');
    },
  };
}

function answer(
  request: IncomingMessage,
  response: ServerResponse,
  content: Buffer,
  behaviour: Behaviour,
): void {
  if (behaviour.kind === 'status') {
    response.writeHead(behaviour.status).end('no');
    return;
  }
  if (behaviour.kind === 'redirect') {
    response.writeHead(302, { location: behaviour.location }).end();
    return;
  }
  if (behaviour.kind === 'whole') {
    response.writeHead(200, { 'content-length': content.length }).end(content);
    return;
  }
  const start = Number(/^bytes=(\d+)-$/.exec(request.headers.range ?? '')?.[1] ?? 0);
  if (start >= content.length) {
    response.writeHead(416).end();
    return;
  }
  const rest = content.subarray(start);
  response.writeHead(start > 0 ? 206 : 200, {
    'content-length': rest.length,
    ...(start > 0 && { 'content-range': `bytes ${start}-${content.length - 1}/${content.length}` }),
  });
  if (behaviour.kind === 'ranges') response.end(rest);
  else response.write(rest.subarray(0, behaviour.afterBytes));
}
