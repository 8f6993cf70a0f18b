import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { Queue, QueueEvents } from 'bullmq';
import { describeMachine, formatTable, median } from '../faults/report.mjs';
import { residentMb } from '../faults/processes.mjs';
import { startRedisServer } from '../support/redis-server.mjs';
import { writeTinyModels } from '../tiny/models.mjs';
import { drawScene } from '../tiny/scene.mjs';

const HELP = `Measures how long the supervisor and its CPU worker take until the first job.

  node scripts/bench/start.mjs [--starts 10] [--threads auto] [--dashboard]
                               [--models FOLDER [--pack mobilefacenet]]

  Without --models, it uses tiny models that find drawn faces.
  Each round starts a supervisor, kills its child, kills the supervisor and starts another one, and stops that one.
  One more start beforehand, which is not counted, fills the file caches.`;

const { values } = parseArgs({
  options: {
    starts: { type: 'string', default: '10' },
    threads: { type: 'string', default: 'auto' },
    models: { type: 'string' },
    pack: { type: 'string', default: 'mobilefacenet' },
    dashboard: { type: 'boolean', default: false },
    help: { type: 'boolean', default: false },
  },
});
if (values.help) {
  console.log(HELP);
  process.exit();
}

const SUPERVISOR = fileURLToPath(new URL('../../dist/supervisor.js', import.meta.url));
const directory = await mkdtemp(path.join(tmpdir(), 'bench-start-'));
const gallery = path.join(directory, 'gallery/Stage');
await mkdir(gallery, { recursive: true });
const photo = await drawScene({
  widthPx: 320,
  heightPx: 320,
  faces: [{ person: 1, x: 100, y: 120, sizePx: 110 }],
});
await writeFile(path.join(gallery, 'photo.png'), photo);
if (values.models === undefined) await writeTinyModels(path.join(directory, 'models'));

const redis = await startRedisServer();
const connection = { host: '127.0.0.1', port: redis.port, maxRetriesPerRequest: null };
const queue = new Queue('face-search', { connection });
const events = new QueueEvents('face-search', { connection });
await events.waitUntilReady();
/** @type {import('node:child_process').ChildProcess[]} */
const running = [];

/**
 * @typedef {{ msg: string, pid: number, name?: string, to?: string, childPid?: number, url?: string, at: number }} Line
 *   `at`: ms since 1970
 * @typedef {{ process: import('node:child_process').ChildProcess, startedAt: number,
 *   line(accept: (line: Line) => boolean): Promise<Line> }} Supervisor
 */

/** @returns {Supervisor} */
function startSupervisor() {
  const startedAt = Date.now();
  const child = spawn(process.execPath, [SUPERVISOR], {
    cwd: directory,
    env: {
      ...process.env,
      REDIS_PORT: String(redis.port),
      MODELS_DIR: values.models ?? path.join(directory, 'models'),
      MODEL_PACK: values.models === undefined ? 'tiny' : values.pack,
      GALLERY_DIR: path.join(directory, 'gallery'),
      WORKER_HOSTNAME: 'bench',
      USE_CPU: '1',
      ENGINE_THREADS: values.threads,
      DASHBOARD_PORT: values.dashboard ? '0' : 'off',
      LOG_LEVEL: 'info',
    },
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  running.push(child);
  /** @type {Line[]} */
  const lines = [];
  /** @type {Set<() => void>} */
  const watchers = new Set();
  createInterface({ input: child.stdout }).on('line', (text) => {
    const line = JSON.parse(text);
    lines.push({ ...line, at: Date.parse(line.time) });
    for (const watcher of watchers) watcher();
  });
  return {
    process: child,
    startedAt,
    line: (accept) =>
      new Promise((resolve) => {
        const check = () => {
          const found = lines.find((line) => accept(line));
          if (found === undefined) return;
          watchers.delete(check);
          resolve(found);
        };
        watchers.add(check);
        check();
      }),
  };
}

async function addSearch() {
  return queue.add('search', { image: photo.toString('base64'), stage: 'Stage' });
}

/** When a worker took the job, in ms since 1970. @param {import('bullmq').Job} job */
async function takenAt(job) {
  // Real models find no face in the drawing. The job is taken all the same.
  await job.waitUntilFinished(events).catch(() => undefined);
  return (await queue.getJob(job.id ?? ''))?.processedOn ?? NaN;
}

/** @type {Map<string, number[]>} */
const figures = new Map();
/** @param {string} name @param {number} value */
const note = (name, value) => figures.set(name, [...(figures.get(name) ?? []), value]);

/** @param {Line} line */
const isReady = ({ msg }) => msg === 'Worker is ready';

/** @param {Supervisor} supervisor */
async function dashboardMb(supervisor) {
  const { pid, url } = await supervisor.line((line) => line.name === 'dashboard' && line.url !== undefined);
  for (const route of ['', 'api/workers', 'api/galleries', 'metrics']) {
    for (let i = 0; i < 3; i += 1) await (await fetch(new URL(route, url))).arrayBuffer();
  }
  return (await residentMb(pid)) ?? NaN;
}

async function round() {
  const first = await addSearch();
  const one = startSupervisor();
  const forked = await one.line(({ to }) => to === 'starting');
  const ready = await one.line(isReady);
  note('start: the child is forked', forked.at - one.startedAt);
  note('start: the child is ready', ready.at - one.startedAt);
  note('start: the first job is taken', (await takenAt(first)) - one.startedAt);
  note('MB: child', (await residentMb(ready.childPid ?? 0)) ?? NaN);
  note('MB: supervisor', (await residentMb(one.process.pid ?? 0)) ?? NaN);
  if (values.dashboard) note('MB: dashboard, after a few requests', await dashboardMb(one));

  process.kill(ready.childPid ?? 0, 'SIGKILL');
  const killedAt = Date.now();
  const second = await addSearch();
  const backoff = await one.line(({ to, at }) => to === 'starting' && at >= killedAt);
  const replaced = await one.line((line) => isReady(line) && line.at >= killedAt);
  note('killed child: a new one is ready', replaced.at - killedAt);
  note('killed child: of this, backoff', backoff.at - killedAt);
  note('killed child: a job is taken', (await takenAt(second)) - killedAt);

  const ended = once(one.process, 'exit');
  one.process.kill('SIGKILL');
  await ended;
  const third = await addSearch();
  const two = startSupervisor();
  const successor = await two.line(isReady);
  note('killed supervisor: the new child is ready', successor.at - two.startedAt);
  note('killed supervisor: a job is taken', (await takenAt(third)) - two.startedAt);
  const stopped = once(two.process, 'exit');
  const stopAt = Date.now();
  two.process.kill('SIGTERM');
  await stopped;
  note('SIGTERM: the supervisor has exited', Date.now() - stopAt);
}

try {
  await round();
  figures.clear();
  for (let i = 0; i < Number(values.starts); i += 1) await round();
  console.log(`${describeMachine()}\n`);
  /** @type {(string | number)[][]} */
  const rows = [['', 'median', 'min', 'max']];
  for (const [name, all] of figures) {
    rows.push([name, Math.round(median(all)), Math.min(...all), Math.max(...all)]);
  }
  console.log(formatTable(rows));
} finally {
  for (const child of running) child.kill('SIGKILL');
  await events.close();
  await queue.close();
  await redis.stop();
  await rm(directory, { recursive: true, force: true });
}
