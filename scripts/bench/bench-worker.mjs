import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { Redis } from 'ioredis';
import { createEngine } from '../../dist/child/engine/engine-pool.js';
import { loadConfig } from '../../dist/shared/config.js';
import { createLogger } from '../../dist/shared/logger.js';

const SUPERVISOR = fileURLToPath(new URL('../../dist/supervisor.js', import.meta.url));
const START_DEADLINE_MS = 60_000;

/**
 * A supervisor with one CPU worker.
 *
 * @typedef {object} BenchWorker
 * @property {NodeJS.ProcessEnv} environment its settings, for commands that use the same ones
 * @property {number} pid of the worker's process
 * @property {() => Promise<void>} stop
 */

/**
 * @param {{ directory: string, redisPort: number, models: string, pack: string, gallery: string, threads?: string }} options
 *   `directory`: current folder of the processes; `threads`: engine threads
 * @returns {Promise<BenchWorker>}
 */
export async function startBenchWorker({ directory, redisPort, models, pack, gallery, threads = 'auto' }) {
  const environment = {
    PATH: process.env['PATH'],
    NODE_OPTIONS: process.env['NODE_OPTIONS'],
    REDIS_PORT: String(redisPort),
    MODELS_DIR: models,
    MODEL_PACK: pack,
    GALLERY_DIR: gallery,
    WORKER_HOSTNAME: 'bench',
    USE_CPU: '1',
    ENGINE_THREADS: threads,
    DASHBOARD_PORT: 'off',
    LOG_LEVEL: 'warn',
  };
  const supervisor = spawn(process.execPath, [SUPERVISOR], {
    cwd: directory,
    env: environment,
    stdio: ['ignore', 'inherit', 'inherit'],
  });
  for (const signal of ['SIGINT', 'SIGTERM']) process.once(signal, () => process.exit(1));
  process.on('exit', () => supervisor.kill('SIGTERM'));
  return {
    environment,
    pid: await onlinePid(redisPort),
    stop: async () => {
      supervisor.kill('SIGTERM');
      await once(supervisor, 'exit');
    },
  };
}

/** The engine of such a worker, in this process. @param {BenchWorker} worker @param {string} directory */
export function createEngineAlone({ environment }, directory) {
  const config = loadConfig(environment, directory);
  return createEngine({
    device: { kind: 'cpu', index: 0, name: 'CPU' },
    config: { ...config.engine, provider: 'cpu' },
    logger: createLogger('bench', 'warn'),
  });
}

/** @param {number} redisPort */
async function onlinePid(redisPort) {
  const redis = new Redis(redisPort, '127.0.0.1');
  const deadlineMs = performance.now() + START_DEADLINE_MS;
  try {
    for (;;) {
      const record = JSON.parse((await redis.hget('workers', 'bench_cpu0')) ?? '{}');
      if (record.status === 'online') return record.pid;
      if (performance.now() > deadlineMs)
        throw new Error('The worker did not start; its log above says why.');
      await sleep(100);
    }
  } finally {
    redis.disconnect();
  }
}
