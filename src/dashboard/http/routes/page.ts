import { readFile } from 'node:fs/promises';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import fastifyStatic from '@fastify/static';
import type { FastifyInstance } from 'fastify';

const WEB = fileURLToPath(new URL('../../../../web/', import.meta.url));
const SCRIPTS = fileURLToPath(new URL('../../../../dist/dashboard/web/', import.meta.url));

/** The static files of the page, open to everyone. All data comes from the API. */
export async function addPageRoutes(app: FastifyInstance): Promise<void> {
  const preact = await readFile(fileURLToPath(import.meta.resolve('htm/preact/standalone')), 'utf8');
  const common = { cacheControl: false, index: false as const, decorateReply: false };
  await app.register(fastifyStatic, {
    ...common,
    root: SCRIPTS,
    prefix: '/app/',
    globIgnore: ['**/*.map'],
    wildcard: false,
  });
  await app.register(fastifyStatic, {
    ...common,
    root: path.resolve(WEB),
    prefix: '/',
    wildcard: false,
    index: ['index.html'],
  });
  app.get('/vendor/preact.js', { schema: { hide: true } }, (_request, reply) =>
    reply.header('content-type', 'text/javascript; charset=utf-8').send(preact),
  );
}
