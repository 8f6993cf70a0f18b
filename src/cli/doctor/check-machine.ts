import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { statfs } from 'node:fs/promises';
import { createServer } from 'node:net';
import path from 'node:path';
import type { Config } from '../../shared/config.js';
import { type Check, checksOf } from './check.js';

const OLDEST_NODE = [20, 12] as const;
/** Even versions are supported for three years: https://nodejs.org/en/about/previous-releases */
const SUPPORTED_NODE = [22, 24] as const;

const GIB = 2 ** 30;
/** A model pack has up to 0.3 GiB; logs and temporary files need space, too. */
const LEAST_FREE_GIB = { warning: 1, error: 0.1 };
const HTTP_TIMEOUT_MS = 2000;

export function checkNode(version = process.versions.node): Check {
  const { ok, warning, error } = checksOf('Node.js');
  const [major = 0, minor = 0] = version.split('.').map(Number);
  if (major < OLDEST_NODE[0] || (major === OLDEST_NODE[0] && minor < OLDEST_NODE[1])) {
    return error(`${version} is too old: install Node.js ${SUPPORTED_NODE.at(-1)}.`);
  }
  if (major < SUPPORTED_NODE[0] || major % 2 === 1) {
    return warning(
      `${version} works, but gets no security fixes any more: install Node.js ${SUPPORTED_NODE.at(-1)}.`,
    );
  }
  return ok(version);
}

/** @param folder that may not exist yet */
export async function checkDisk(folder: string, free: typeof freeBytes = freeBytes): Promise<Check> {
  const { ok, warning, error } = checksOf('disk');
  const freeGib = (await free(nearestFolder(folder))) / GIB;
  const found = `${freeGib.toFixed(1)} GiB are free at ${folder}`;
  if (freeGib < LEAST_FREE_GIB.error) return error(`${found}: free at least ${LEAST_FREE_GIB.warning} GiB.`);
  return freeGib < LEAST_FREE_GIB.warning ? warning(`${found}: soon it is full.`) : ok(`${found}.`);
}

async function freeBytes(folder: string): Promise<number> {
  const { bavail, bsize } = await statfs(folder);
  return bavail * bsize;
}

function nearestFolder(folder: string): string {
  const parent = path.dirname(folder);
  return existsSync(folder) || parent === folder ? folder : nearestFolder(parent);
}

/** Whether the dashboard of this machine can listen, or does so already. */
export async function checkPort({ host, port }: Config['dashboard']): Promise<Check> {
  const { ok, warning, error } = checksOf('port');
  if (port === null) return ok('No dashboard on this machine (DASHBOARD_PORT=off).');
  const place = `${host.includes(':') ? `[${host}]` : host}:${port}`;
  const code = await tryToListen(host, port);
  switch (code) {
    case null:
      return ok(`The dashboard can listen on ${place}.`);
    case 'EADDRINUSE':
      return (await isDashboard(`http://${place}`))
        ? ok(`A dashboard runs at http://${place}.`)
        : error(
            `Another program listens on ${place}: stop it, or set DASHBOARD_PORT to another port or off.`,
          );
    case 'EACCES':
      return error(`This user may not listen on ${place}: set DASHBOARD_PORT to a port above 1023.`);
    case 'EADDRNOTAVAIL':
    case 'ENOTFOUND':
      return error(`DASHBOARD_HOST is no address of this machine: ${host}.`);
    default:
      return warning(`Cannot listen on ${place} (${code}).`);
  }
}

/** @returns the error's code; `null` if it worked */
async function tryToListen(host: string, port: number): Promise<string | null> {
  const server = createServer();
  try {
    server.listen(port, host);
    await once(server, 'listening');
    server.close();
    await once(server, 'close');
    return null;
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException;
    return code ?? message;
  }
}

async function isDashboard(address: string): Promise<boolean> {
  try {
    const reply = await fetch(`${address}/healthz`, { signal: AbortSignal.timeout(HTTP_TIMEOUT_MS) });
    return reply.ok && (await reply.text()) === '{"status":"ok"}';
  } catch {
    return false;
  }
}
