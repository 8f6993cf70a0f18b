import { createHash } from 'node:crypto';
import { mkdir, mkdtemp, readFile, readdir, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { pathToFileURL } from 'node:url';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { installModel } from '../../../scripts/models/install-model.mjs';
import { listSources } from '../../../scripts/models/sources.mjs';
import { type Behaviour, type FileServer, startFileServer } from './file-server.js';

const content = Buffer.from(Array.from({ length: 300_000 }, (_, i) => (i * 7919) % 251));
const sha256 = createHash('sha256').update(content).digest('hex');
const FILE = 'model.onnx';

let directory: string;
let server: FileServer | null = null;

beforeEach(async () => {
  directory = await mkdtemp(path.join(tmpdir(), 'install-model-'));
  server = null;
});

afterEach(async () => {
  await server?.stop();
  await rm(directory, { recursive: true });
});

const inDirectory = (name: string) => path.join(directory, name);

const isInstalled = async () => content.equals(await readFile(inDirectory(FILE)));

interface Request {
  readonly mirror?: string;
  readonly url?: string | null;
  readonly bytes?: number | null;
  readonly signal?: AbortSignal;
  readonly onProgress?: (bytes: number) => void;
}

async function install({ mirror, url = null, bytes = content.length, ...rest }: Request) {
  const urls = url === null ? [] : [url];
  const model = { file: FILE, urls, bytes, sha256, licence: 'MIT', nonCommercial: false };
  return installModel(model, {
    directory,
    sources: listSources(model, mirror ?? null, []),
    signal: new AbortController().signal,
    onProgress: () => {},
    firstRetryDelayMs: 1,
    stallTimeoutMs: 1000,
    ...rest,
  });
}

async function serve(...behaviours: Behaviour[]): Promise<FileServer> {
  server = await startFileServer(content, ...behaviours);
  return server;
}

describe('installModel', () => {
  it('fetches a file from its upstream address', async () => {
    const { url } = await serve({ kind: 'ranges' });
    const seen: number[] = [];

    const { origin } = await install({ url: `${url}/a/model.onnx`, onProgress: (bytes) => seen.push(bytes) });

    expect(origin).toBe(`${url}/a/model.onnx`);
    expect(await isInstalled()).toBe(true);
    expect(await readdir(directory)).toEqual([FILE]);
    expect(seen.at(-1)).toBe(content.length);
  });

  it('keeps an installed file', async () => {
    await writeFile(inDirectory(FILE), content);

    expect(await install({})).toEqual({ origin: null, failures: [] });
  });

  it('replaces a file that does not match the manifest', async () => {
    await writeFile(inDirectory(FILE), 'old');
    const { url } = await serve({ kind: 'ranges' });

    await install({ url });

    expect(await isInstalled()).toBe(true);
  });

  it('resumes the download of an earlier run', async () => {
    await writeFile(inDirectory(`${FILE}.part`), content.subarray(0, 100_000));
    const { url, requests } = await serve({ kind: 'ranges' });

    await install({ url });

    expect(requests.map(({ range }) => range)).toEqual(['bytes=100000-']);
    expect(await isInstalled()).toBe(true);
  });

  it('needs no server if an earlier run has downloaded the whole file', async () => {
    await writeFile(inDirectory(`${FILE}.part`), content);
    const { url, requests } = await serve({ kind: 'status', status: 500 });

    await install({ url });

    expect(requests).toEqual([]);
    expect(await readdir(directory)).toEqual([FILE]);
  });

  it('starts over if the server does not support ranges', async () => {
    await writeFile(inDirectory(`${FILE}.part`), content.subarray(0, 100_000));
    const { url } = await serve({ kind: 'whole' });

    await install({ url });

    expect(await isInstalled()).toBe(true);
  });

  it('starts over if the part file belongs to another file', async () => {
    await writeFile(inDirectory(`${FILE}.part`), Buffer.alloc(100_000, 1));
    const { url, requests } = await serve({ kind: 'ranges' });

    await install({ url });

    expect(requests.map(({ range }) => range)).toEqual(['bytes=100000-', undefined]);
    expect(await isInstalled()).toBe(true);
  });

  it('starts over if the part file is longer than the file', async () => {
    await writeFile(inDirectory(`${FILE}.part`), Buffer.alloc(400_000, 1));
    const { url, requests } = await serve({ kind: 'ranges' });

    await install({ url });

    expect(requests.map(({ range }) => range)).toEqual(['bytes=400000-', undefined]);
    expect(await isInstalled()).toBe(true);
  });

  it.each([content.length, null])(
    'goes on after a connection that was cut, with %s bytes announced',
    async (bytes) => {
      const { url, requests, ...connection } = await serve(
        { kind: 'stall', afterBytes: 120_000 },
        { kind: 'ranges' },
      );

      await install({
        url,
        bytes,
        onProgress: (written) => written === 120_000 && connection.cutConnections(),
      });

      expect(await isInstalled()).toBe(true);
      expect(requests.map(({ range }) => range)).toEqual([undefined, 'bytes=120000-']);
    },
  );

  it('retries if the server stops sending', async () => {
    const { url, requests } = await serve({ kind: 'stall', afterBytes: 120_000 }, { kind: 'ranges' });

    await install({ url });

    expect(await isInstalled()).toBe(true);
    expect(requests).toHaveLength(2);
  });

  it('retries after a server error', async () => {
    const { url, requests } = await serve({ kind: 'status', status: 503 }, { kind: 'ranges' });

    await install({ url });

    expect(requests).toHaveLength(2);
  });

  it('gives up after several server errors', async () => {
    const { url, requests } = await serve({ kind: 'status', status: 502 });

    await expect(install({ url })).rejects.toThrow(`${url}: the server answered 502`);
    expect(requests).toHaveLength(4);
  });

  it('does not retry if the file does not exist, and gives instructions', async () => {
    const { url, requests } = await serve({ kind: 'status', status: 404 });

    const failure = install({ url });

    await expect(failure).rejects.toThrow(`Cannot get the model file model.onnx`);
    await expect(failure).rejects.toThrow(`${url}: the server answered 404 Not Found`);
    await expect(failure).rejects.toThrow('MODELS_MIRROR');
    expect(requests).toHaveLength(1);
  });

  it('follows a redirect, and gives up after several', async () => {
    const { url, requests } = await serve({ kind: 'redirect', location: '/moved' }, { kind: 'ranges' });
    await install({ url });
    expect(requests.map(({ path: place }) => place)).toEqual(['/', '/moved']);

    await rm(path.join(directory, 'model.onnx'));
    await server?.stop();
    const endless = await serve({ kind: 'redirect', location: '/again' });
    await expect(install({ url: endless.url })).rejects.toThrow('the server redirects too often');
  });

  it('names the address that does not answer', async () => {
    const { url } = await serve();
    await server?.stop();
    server = null;

    await expect(install({ url })).rejects.toThrow(`${url}: connect ECONNREFUSED`);
  });

  it('does not install a file with another hash than in the manifest', async () => {
    server = await startFileServer(Buffer.alloc(content.length, 7), { kind: 'ranges' });

    await expect(install({ url: server.url })).rejects.toThrow(/this is another file: its SHA-256 is/);
    expect(await readdir(directory)).toEqual([]);
  });

  it('keeps the part file if it is aborted', async () => {
    const { url, requests } = await serve({ kind: 'stall', afterBytes: 120_000 }, { kind: 'ranges' });
    const interruption = new AbortController();

    await expect(
      install({
        url,
        signal: interruption.signal,
        onProgress: (written) => written === 120_000 && interruption.abort(new Error('stopped')),
      }),
    ).rejects.toThrow('stopped');
    expect(await readdir(directory)).toEqual([`${FILE}.part`]);

    await install({ url });

    expect(requests[1]?.range).toBe('bytes=120000-');
    expect(await isInstalled()).toBe(true);
  });
});

describe('a mirror', () => {
  it.each([
    ['a folder', (folder: string) => folder],
    ['a file URL', (folder: string) => pathToFileURL(folder).href],
  ])('may be %s', async (_, toMirror) => {
    const folder = inDirectory('mirror');
    await mkdir(folder);
    await writeFile(path.join(folder, FILE), content);

    const { origin } = await install({ mirror: toMirror(folder) });

    expect(origin).toBe(path.join(folder, FILE));
    expect(await isInstalled()).toBe(true);
  });

  it('may be a URL', async () => {
    const { url, requests } = await serve({ kind: 'ranges' });

    await install({ mirror: `${url}/mirror/` });

    expect(requests.map((request) => request.path)).toEqual(['/mirror/model.onnx']);
  });

  it('comes before the upstream address, which is used if the mirror lacks the file', async () => {
    const { url } = await serve({ kind: 'ranges' });

    const { origin, failures } = await install({ mirror: inDirectory('empty'), url });

    expect(origin).toBe(url);
    expect(failures).toEqual([`${inDirectory('empty')}/model.onnx: the file does not exist`]);
  });

  it('is skipped if its file has another hash', async () => {
    const folder = inDirectory('mirror');
    await mkdir(folder);
    await writeFile(path.join(folder, FILE), 'another');

    await expect(install({ mirror: folder })).rejects.toThrow('this is another file');
    expect(await readdir(directory)).toEqual(['mirror']);
  });

  it('is suggested if a file has no public address', async () => {
    await expect(install({})).rejects.toThrow(/no public address[^]*MODELS_MIRROR/);
  });
});
