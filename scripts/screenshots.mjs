// Takes the screenshot of the dashboard for the README: a real supervisor, simulated GPUs, tiny models, drawn people.
//
//   npm run build && node scripts/screenshots.mjs [seconds of load before the screenshot]
import { spawn } from 'node:child_process';
import { chmod, mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { createInterface } from 'node:readline';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { Queue } from 'bullmq';
import { chromium } from 'playwright-core';
import { drawImages } from './demonstration/drawn-images.mjs';
import { startRedisServer } from './support/redis-server.mjs';
import { writeTinyModels } from './tiny/models.mjs';

const ROOT = fileURLToPath(new URL('../', import.meta.url));
const IMAGES = path.join(ROOT, 'docs/images');
const GPUS = 4;
const SEARCHES_PER_SECOND = 4;
const STAGE = 'gallery';

const loadS = Number(process.argv[2] ?? 180);
const directory = await mkdtemp(path.join(tmpdir(), 'screenshots-'));
const redis = await startRedisServer();
await writeTinyModels(path.join(directory, 'models'));
const { selfie } = await drawImages(directory);
await writeNvidiaSmi(path.join(directory, 'bin'));
const supervisor = spawn(process.execPath, [path.join(ROOT, 'dist/supervisor.js')], {
  cwd: directory,
  env: {
    PATH: `${path.join(directory, 'bin')}${path.delimiter}${process.env['PATH']}`,
    REDIS_PORT: `${redis.port}`,
    WORKER_HOSTNAME: 'portal-7',
    GALLERY_DIR: directory,
    MODELS_DIR: path.join(directory, 'models'),
    MODEL_PACK: 'tiny',
    EXECUTION_PROVIDER: 'cpu',
    ENGINE_THREADS: '1',
    DASHBOARD_PORT: '0',
  },
  stdio: ['ignore', 'pipe', 'inherit'],
});
const stopped = new Promise((resolve) => supervisor.once('exit', resolve));
const queue = new Queue('face-search', { connection: { host: '127.0.0.1', port: redis.port } });

try {
  const url = await dashboardUrl(supervisor.stdout);
  const image = (await readFile(selfie)).toString('base64');
  const load = new AbortController();
  const running = addSearches(image, load.signal);
  await sleep(loadS * 1000);
  await mkdir(IMAGES, { recursive: true });
  await takeScreenshot(url);
  load.abort();
  await running;
} finally {
  await queue.close();
  supervisor.kill('SIGTERM');
  await stopped;
  await redis.stop();
  await rm(directory, { recursive: true });
}

/** @param {string} url */
async function takeScreenshot(url) {
  const browser = await chromium.launch({
    executablePath: process.env['CHROMIUM'] ?? '/usr/bin/chromium',
    args: ['--no-sandbox'],
  });
  const page = await browser.newPage({ viewport: { width: 1280, height: 860 }, reducedMotion: 'reduce' });
  await page.goto(`${url}/#/workers`);
  await page.getByTestId('worker-portal-7_gpu0').waitFor();
  await sleep(3000);
  await page.screenshot({ path: path.join(IMAGES, 'workers.png') });
  await browser.close();
  console.log(`The screenshot is in ${path.relative(process.cwd(), IMAGES)}`);
}

/** @param {string} image @param {AbortSignal} signal */
async function addSearches(image, signal) {
  while (!signal.aborted) {
    await queue.add('search', { image, stage: STAGE }, { removeOnComplete: 100 });
    await sleep(1000 / SEARCHES_PER_SECOND);
  }
}

/** @param {import('node:stream').Readable} log @returns {Promise<string>} */
function dashboardUrl(log) {
  return new Promise((resolve) => {
    createInterface({ input: log }).on('line', (text) => {
      const { msg, url } = JSON.parse(text);
      if (msg.startsWith('The dashboard is at')) resolve(url);
    });
  });
}

/** @param {string} bin */
async function writeNvidiaSmi(bin) {
  await mkdir(bin);
  const answer = path.join(ROOT, 'test/fixtures/nvidia-smi/eight-gpus.txt');
  await writeFile(path.join(bin, 'nvidia-smi'), `#!/bin/sh\nhead -n ${GPUS} '${answer}'\n`);
  await chmod(path.join(bin, 'nvidia-smi'), 0o755);
}
