import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { Redis } from 'ioredis';
import { WORKERS_KEY } from '../../dist/shared/redis-keys.js';
import { freePort } from '../support/redis-server.mjs';
import { startPrivateProcess, unlessAborted } from './private-process.mjs';

/** @typedef {import('../../dist/shared/worker-record.js').WorkerRecord} WorkerRecord */
/** @typedef {import('./material.mjs').Material} Material */

const REDIS_START_TIMEOUT_MS = 10_000;
const REDIS_STOP_TIMEOUT_MS = 5000;
// Before a worker is online it loads the models and runs them once.
const WORKER_START_TIMEOUT_MS = 120_000;
const WORKER_STOP_TIMEOUT_MS = 15_000;
const DASHBOARD_START_TIMEOUT_MS = 30_000;
const HEARTBEAT_INTERVAL_MS = 1000;
const POLL_INTERVAL_MS = 200;

/**
 * Starts a redis-server on a free port of the loopback interface.
 *
 * @param {string} directory for its data
 * @param {AbortSignal} signal
 */
export async function startRedis(directory, signal) {
  const port = await freePort();
  const settings = ['--port', `${port}`, '--bind', '127.0.0.1', '--dir', directory, '--save', ''];
  const server = startPrivateProcess('Redis', ['redis-server', ...settings], { cwd: directory });
  const client = new Redis({ host: '127.0.0.1', port, maxRetriesPerRequest: null });
  client.on('error', () => {}); // Redis may not listen yet. The deadline below reports a failure.
  const stop = async () => {
    client.disconnect();
    await server.stop(REDIS_STOP_TIMEOUT_MS);
  };
  try {
    const isReady = async () => client.status === 'ready';
    await until(isReady, REDIS_START_TIMEOUT_MS, AbortSignal.any([signal, server.lost]));
  } catch (error) {
    await stop();
    throw error;
  }
  return { port, client, lost: server.lost, stop };
}

/**
 * Starts the worker as an operator does, and waits until it and its dashboard are online.
 *
 * @param {{ project: string, directory: string, port: number, client: Redis, material: Material }} parts
 *   `directory` has no .env, so the worker cannot reach the operator's own Redis
 * @param {AbortSignal} signal
 */
export async function startWorker({ project, directory, port, client, material }, signal) {
  const dashboardPort = await freePort();
  const dashboard = `http://127.0.0.1:${dashboardPort}`;
  const supervisor = startPrivateProcess(
    'The worker',
    [process.execPath, path.join(project, 'dist/supervisor.js')],
    {
      cwd: directory,
      env: {
        ...withoutRedis(process.env),
        REDIS_HOST: '127.0.0.1',
        REDIS_PORT: `${port}`,
        GALLERY_DIR: material.galleryDir,
        MODEL_PACK: material.modelPack,
        MODELS_DIR: material.modelsDir,
        SHUTDOWN_TIMEOUT_MS: `${WORKER_STOP_TIMEOUT_MS - 5000}`,
        HEARTBEAT_INTERVAL_MS: `${HEARTBEAT_INTERVAL_MS}`,
        DASHBOARD_HOST: '127.0.0.1',
        DASHBOARD_PORT: `${dashboardPort}`,
        // Only this machine reaches it, and it ends with the demo.
        DASHBOARD_TOKEN: '',
        DASHBOARD_READ_TOKEN: '',
      },
    },
  );
  const stop = async () => supervisor.stop(WORKER_STOP_TIMEOUT_MS);
  const isOnline = async () => (await readWorkers(client)).some(({ status }) => status === 'online');
  const answers = async () => (await fetch(`${dashboard}/readyz`).catch(() => null))?.ok ?? false;
  const running = AbortSignal.any([signal, supervisor.lost]);
  try {
    await until(isOnline, WORKER_START_TIMEOUT_MS, running);
    await until(answers, DASHBOARD_START_TIMEOUT_MS, running);
  } catch (error) {
    await stop();
    throw error;
  }
  return { dashboard, lost: supervisor.lost, stop };
}

/**
 * Waits until a worker's record counts a finished job, then returns all records.
 *
 * @param {Redis} client
 * @param {AbortSignal} signal
 */
export async function readBusyWorkers(client, signal) {
  const hasWorked = async () => (await readWorkers(client)).some((record) => record.jobs_processed > 0);
  await until(hasWorked, 10 * HEARTBEAT_INTERVAL_MS, signal);
  return readWorkers(client);
}

/**
 * @param {Redis} client
 * @returns {Promise<WorkerRecord[]>}
 */
async function readWorkers(client) {
  return Object.values(await client.hgetall(WORKERS_KEY)).map((text) => JSON.parse(text));
}

/**
 * Polls until `isDone` resolves to true.
 *
 * @param {() => Promise<boolean>} isDone
 * @param {number} timeoutMs
 * @param {AbortSignal} signal
 */
async function until(isDone, timeoutMs, signal) {
  const deadline = performance.now() + timeoutMs;
  while (!(await unlessAborted(isDone(), signal))) {
    if (performance.now() > deadline) throw new Error(`Timed out after ${timeoutMs / 1000} s.`);
    await sleep(POLL_INTERVAL_MS);
  }
}

/** @param {NodeJS.ProcessEnv} environment */
function withoutRedis(environment) {
  return Object.fromEntries(Object.entries(environment).filter(([name]) => !name.startsWith('REDIS_')));
}
