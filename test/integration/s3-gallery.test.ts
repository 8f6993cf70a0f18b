import { execFile } from 'node:child_process';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { promisify } from 'node:util';
import sharp from 'sharp';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { eventsOf } from '../support/dashboard-harness.js';
import type { Search } from '../../src/dashboard/api/api.js';
import { type S3Server, startS3Server } from '../support/s3-server.js';
import { createTestbed, drawPerson, type Testbed } from '../support/testbed.js';

const CLI = path.resolve(import.meta.dirname, '../../dist/cli.js');

let bed: Testbed;
let s3: S3Server;
let url: string;
let directory: string;
let selfie: string;
beforeAll(async () => {
  [bed, s3, directory] = await Promise.all([
    createTestbed(),
    startS3Server(),
    mkdtemp(path.join(tmpdir(), 's3-gallery-')),
  ]);
  for (const person of [0, 1, 2, 3]) await s3.put(`Day-1/p${person}.png`, await drawPerson(person));
  selfie = path.join(directory, 'selfie.png');
  await writeFile(selfie, await drawPerson(2));
  const supervisor = await bed.supervisor({ ...s3.environment, DASHBOARD_PORT: '0' });
  const line = await supervisor.line(({ msg }) => msg.startsWith('The dashboard is at '));
  url = String(line['url']);
  await bed.recorded('host_cpu0', ({ status }) => status === 'online');
});
afterAll(async () => {
  await bed.close();
  await s3.stop();
  await rm(directory, { recursive: true });
});

async function run(...args: string[]): Promise<{ readonly stdout: string; readonly stderr: string }> {
  // The search path has no program that opens a browser.
  const env = { ...bed.environment, ...s3.environment, PATH: directory, TMPDIR: directory };
  return promisify(execFile)(process.execPath, [CLI, ...args], { cwd: directory, env });
}

describe('a gallery in a bucket', { sequential: true }, () => {
  it('is indexed by the command line and the workers', async () => {
    expect((await run('index', 's3://photos/Day-1')).stdout).toContain(
      'Day-1: 4 photos with 4 faces (0 below the quality limits); 4 indexed now',
    );
    expect((await run('index', 'Day-1')).stdout).toContain('; 0 indexed now');
  });

  it('is searched by the command line, which embeds the photos in its page', async () => {
    const { stdout, stderr } = await run('search', selfie, '--stage', 'Day-1', '--open');
    expect(stdout).toMatch(/1\s+Day-1\/p2\.png\s+\d\.\d{3}\n1 photo in/);
    const page = await readFile(/\S+matches\.html/.exec(stderr)?.[0] ?? 'none', 'utf8');
    const [, photo = ''] = /src="data:image\/jpeg;base64,([^"]+)"/.exec(page) ?? [];
    expect(await sharp(Buffer.from(photo, 'base64')).metadata()).toMatchObject({
      format: 'jpeg',
      width: 480,
    });
  });

  it('is searched by the dashboard, which shows the photos', async () => {
    const form = new FormData();
    form.set('stage', 'Day-1');
    form.set('image', new Blob([new Uint8Array(await drawPerson(3))]), 'me.png');
    const added = await fetch(`${url}/api/searches`, { method: 'POST', body: form });
    const { id } = (await added.json()) as Search;
    let result: Search | null = null;
    for await (const { event, data } of eventsOf(await fetch(`${url}/api/searches/${id}/events`))) {
      if (event === 'result') result = data as Search;
    }
    expect(result?.matches?.map((match) => match.id)).toEqual(['Day-1/p3.png']);
    const photo = await fetch(`${url}${result?.matches?.[0]?.photo}`);
    expect(photo.status).toBe(200);
    expect(photo.headers.get('content-type')).toBe('image/jpeg');
  });

  it('never appears with its credentials, neither in the record nor in a message', async () => {
    const secret = s3.environment['AWS_SECRET_ACCESS_KEY'] ?? '';
    expect(JSON.stringify(await bed.record('host_cpu0'))).not.toContain(secret);
    s3.fault = (_request, response) => {
      response.writeHead(403).end();
      return true;
    };
    const refused = run('index', 'Day-1');
    await expect(refused).rejects.toMatchObject({
      code: 1,
      stderr: expect.stringMatching(/access is denied; the credentials need s3:ListBucket/),
    });
    await expect(refused).rejects.not.toMatchObject({ stderr: expect.stringContaining(secret) });
    s3.fault = null;
  });
});
