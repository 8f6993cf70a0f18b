import { spawn } from 'node:child_process';
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { createInterface } from 'node:readline';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { Redis } from 'ioredis';
import { supervisorLeaseKey, WORKERS_KEY } from '../../dist/shared/redis-keys.js';
import { cpuMs, residentMb } from '../faults/processes.mjs';
import { describeMachine, formatTable } from '../faults/report.mjs';
import { startRedisServer } from '../support/redis-server.mjs';
import { writeTinyModels } from '../tiny/models.mjs';

const HELP = `Measures one supervisor and its dashboard in a large fleet.

  node scripts/bench/fleet.mjs [--machines 100] [--workers 8] [--seconds 10] [--scrape 15] [--watchers 1]

  The first machine is real: a supervisor, one CPU worker and the dashboard. A script writes the records of the other
  machines every 5 seconds, as their supervisors would. --scrape: seconds between two reads of /metrics.`;

const { values } = parseArgs({
  options: {
    machines: { type: 'string', default: '100' },
    workers: { type: 'string', default: '8' },
    seconds: { type: 'string', default: '10' },
    scrape: { type: 'string', default: '5' },
    watchers: { type: 'string', default: '1' },
    help: { type: 'boolean', default: false },
  },
});
if (values.help) {
  console.log(HELP);
  process.exit();
}

const HEARTBEAT_MS = 5000;
const HOSTNAME = 'bench';
const SUPERVISOR = fileURLToPath(new URL('../../dist/supervisor.js', import.meta.url));
const [machines, workers, seconds] = [values.machines, values.workers, values.seconds].map(Number);

const directory = await mkdtemp(path.join(tmpdir(), 'bench-fleet-'));
await writeTinyModels(path.join(directory, 'models'));
await mkdir(path.join(directory, 'gallery/Stage'), { recursive: true });
await writeFile(path.join(directory, 'gallery/Stage/read-me.txt'), 'no photos');
const server = await startRedisServer();
const redis = new Redis(server.port, '127.0.0.1');
const stopped = new AbortController();
/** Commands of this script, which are not the fleet's own. */
let ownCommands = 0;

const supervisor = spawn(process.execPath, [SUPERVISOR], {
  cwd: directory,
  env: {
    ...process.env,
    REDIS_PORT: String(server.port),
    MODELS_DIR: path.join(directory, 'models'),
    MODEL_PACK: 'tiny',
    GALLERY_DIR: path.join(directory, 'gallery'),
    WORKER_HOSTNAME: HOSTNAME,
    USE_CPU: '1',
    DASHBOARD_PORT: '0',
    LOG_LEVEL: 'info',
  },
  stdio: ['ignore', 'pipe', 'inherit'],
});

/** @returns {Promise<{ url: string, dashboardPid: number }>} */
const ready = new Promise((resolve) => {
  createInterface({ input: supervisor.stdout }).on('line', (text) => {
    const { url, pid } = JSON.parse(text);
    if (url !== undefined) resolve({ url, dashboardPid: pid });
  });
});

/** Writes what the supervisors of the other machines would write: a lease, and records after a real one. */
async function playOtherMachines() {
  const [real] = Object.values(await redis.hgetall(WORKERS_KEY)).map((text) => JSON.parse(text));
  while (!stopped.signal.aborted) {
    for (let machine = 1; machine < (machines ?? 0); machine += 1) {
      const hostname = `machine-${machine}`;
      const now = Math.floor(Date.now() / 1000);
      const records = Array.from({ length: workers ?? 0 }, (_, gpu) => ({
        ...real,
        id: `${hostname}_gpu${gpu}`,
        hostname,
        gpu_index: gpu,
        gpu_uuid: `GPU-${machine}-${gpu}`,
        gpu_name: 'NVIDIA L4',
        gpu_utilization: (now + gpu) % 100,
        jobs_processed: now % 100_000,
        last_heartbeat: now,
        reported_at: now,
      }));
      ownCommands += 2;
      await Promise.all([
        redis.set(supervisorLeaseKey(hostname), '{}', 'PX', 15_000),
        redis.hset(
          WORKERS_KEY,
          Object.fromEntries(records.map((record) => [record.id, JSON.stringify(record)])),
        ),
      ]);
      await sleep(HEARTBEAT_MS / (machines ?? 1), undefined, { signal: stopped.signal });
    }
  }
}

async function commandsSoFar() {
  ownCommands += 1;
  const info = await redis.info('stats');
  return Number(/total_commands_processed:(\d+)/.exec(info)?.[1]) - ownCommands;
}

/** @param {string} url @param {AbortSignal} signal */
async function watch(url, signal) {
  const reply = await fetch(`${url}/api/events`, { signal });
  if (!reply.ok || reply.body === null) throw new Error(`/api/events answers ${reply.status}`);
  let bytes = 0;
  for await (const chunk of reply.body) bytes += chunk.length;
  return bytes;
}

/** @param {string} url @param {AbortSignal} signal */
async function scrape(url, signal) {
  while (!signal.aborted) {
    const startedAt = performance.now();
    const reply = await fetch(`${url}/metrics`, { signal });
    const text = await reply.text();
    scrapes.push({ ms: performance.now() - startedAt, bytes: text.length });
    await sleep(Number(values.scrape) * 1000, undefined, { signal });
  }
}
/** @type {{ ms: number, bytes: number }[]} */
let scrapes = [];

/** @param {string} name @param {{ url: string, dashboardPid: number }} dashboard @param {(signal: AbortSignal) => Promise<unknown>[]} start */
async function measure(name, { dashboardPid }, start) {
  const phase = new AbortController();
  scrapes = [];
  const work = start(phase.signal).map((promise) => promise.catch(() => undefined));
  await sleep(2000);
  const pids = [supervisor.pid ?? 0, dashboardPid];
  const before = {
    commands: await commandsSoFar(),
    cpu: await Promise.all(pids.map(cpuMs)),
    at: performance.now(),
  };
  await sleep((seconds ?? 0) * 1000);
  const elapsedMs = performance.now() - before.at;
  const commands = (await commandsSoFar()) - before.commands;
  const cpu = await Promise.all(pids.map(cpuMs));
  const memory = await Promise.all(pids.map(residentMb));
  phase.abort();
  await Promise.all(work);
  const percent = (/** @type {number} */ i) => (100 * ((cpu[i] ?? NaN) - (before.cpu[i] ?? NaN))) / elapsedMs;
  const slowest = Math.max(0, ...scrapes.map(({ ms }) => ms));
  rows.push([
    name,
    percent(0).toFixed(1),
    memory[0] ?? NaN,
    percent(1).toFixed(1),
    memory[1] ?? NaN,
    ((1000 * commands) / elapsedMs).toFixed(1),
    scrapes.length === 0
      ? ''
      : `${Math.round(slowest)} ms, ${Math.round((scrapes[0]?.bytes ?? 0) / 1024)} KiB`,
  ]);
}

/** @type {(string | number)[][]} */
const rows = [
  ['', 'supervisor % of a core', 'MB', 'dashboard % of a core', 'MB', 'Redis commands/s', 'slowest scrape'],
];
try {
  const dashboard = await ready;
  // Both processes have done what they do once.
  await sleep(3000);
  await measure('1 worker, no one looks', dashboard, () => []);
  const playing = playOtherMachines().catch(() => undefined);
  await sleep(HEARTBEAT_MS + 1000);
  const fleet = `${(machines ?? 0) * (workers ?? 0)} workers`;
  await measure(`${fleet}, no one looks`, dashboard, () => []);
  await measure(`${fleet}, /metrics every ${values.scrape} s`, dashboard, (signal) => [
    scrape(dashboard.url, signal),
  ]);
  await measure(`${fleet}, ${values.watchers} open page(s)`, dashboard, (signal) =>
    Array.from({ length: Number(values.watchers) }, () => watch(dashboard.url, signal)),
  );
  stopped.abort();
  await playing;
  console.log(`${describeMachine()}; commands of the other machines and of this script are not counted\n`);
  console.log(formatTable(rows));
} finally {
  stopped.abort();
  supervisor.kill('SIGKILL');
  redis.disconnect();
  await server.stop();
  await rm(directory, { recursive: true, force: true });
}
