import { spawn } from 'node:child_process';
import { closeSync, openSync } from 'node:fs';
import { chmod, cp, mkdir, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { startRedisServer } from '../support/redis-server.mjs';
import { writeTinyModels } from '../tiny/models.mjs';
import { drawScene } from '../tiny/scene.mjs';
import { mountHangingFolder } from './hanging-folder.mjs';
import { startRedisProxy } from './redis-proxy.mjs';

const ROOT = fileURLToPath(new URL('../../', import.meta.url));

export const PERSONS = 8;
export const STAGE = 'Faults';
export const HOSTNAME = 'faults';
const PATIENCE_MS = 90_000;

/**
 * A real Redis behind a proxy, drawn photos, and a supervisor with simulated GPUs.
 *
 * @typedef {Awaited<ReturnType<typeof createTestbed>>} Testbed
 * @typedef {{ level?: string, msg: string, worker?: string, pid?: number, childPid?: number, to?: string,
 *   at: number }} LogLine `at`: ms since 1970
 */

/** @param {{ gpus: number }} options */
export async function createTestbed({ gpus }) {
  const directory = await mkdtemp(path.join(tmpdir(), 'faults-'));
  await writeTinyModels(path.join(directory, 'models'));
  await drawGallery(path.join(directory, 'gallery', STAGE));
  const driverFolder = path.join(directory, 'driver');
  await mkdir(driverFolder);
  const driver = await mountHangingFolder(driverFolder, path.join(directory, 'driver-mount'));
  const gallery = await mountHangingFolder(
    path.join(directory, 'gallery'),
    path.join(directory, 'gallery-mount'),
  );
  const bin = await writeNvidiaSmi(directory, driver?.path ?? driverFolder);
  const showGpus = (/** @type {number} */ count) => writeFile(path.join(driverFolder, 'count'), `${count}`);
  const clocks = path.join(directory, 'clocks');
  await mkdir(clocks);
  await showGpus(gpus);
  const redis = await startRedisServer({ appendOnly: true });
  const proxy = await startRedisProxy(redis.port);

  /** @type {LogLine[]} */
  const lines = [];
  /** @type {Set<() => void>} */
  const watchers = new Set();
  /** @type {import('node:child_process').ChildProcess | null} */
  let supervisor = null;

  /** @param {'log' | 'full disk' | 'terminal'} output Only with `log`, the suite sees the log. */
  const startSupervisor = (output = 'log') => {
    const command = [process.execPath, path.join(ROOT, 'dist/supervisor.js')];
    const [program = '', ...args] =
      output === 'terminal' ? ['script', '-qec', `exec ${command.join(' ')}`, '/dev/null'] : command;
    const target = output === 'full disk' ? openSync('/dev/full', 'w') : 'pipe';
    const child = spawn(program, args, {
      cwd: directory,
      env: {
        PATH: `${bin}${path.delimiter}${process.env['PATH']}`,
        REDIS_PORT: String(proxy.port),
        MODELS_DIR: path.join(directory, 'models'),
        MODEL_PACK: 'tiny',
        GALLERY_DIR: gallery?.path ?? path.join(directory, 'gallery'),
        NODE_OPTIONS: `--import=${path.join(ROOT, 'scripts/faults/shifted-clock.mjs')}`,
        SHIFTED_CLOCKS: clocks,
        WORKER_HOSTNAME: HOSTNAME,
        EXECUTION_PROVIDER: 'cpu',
        ENGINE_THREADS: '1',
        HEARTBEAT_INTERVAL_MS: '1000',
        DASHBOARD_PORT: '0',
        PING_TIMEOUT_MS: '3000',
        DEVICE_SCAN_INTERVAL_MS: '1000',
        LOG_LEVEL: 'info',
      },
      stdio: ['ignore', target, target],
    });
    if (typeof target === 'number') closeSync(target);
    for (const stream of output === 'log' ? [child.stdout, child.stderr] : []) {
      if (stream === null) continue;
      createInterface({ input: stream }).on('line', (text) => {
        lines.push(parseLine(text));
        for (const watcher of watchers) watcher();
      });
    }
    supervisor = child;
  };

  /**
   * @param {() => boolean} condition
   * @param {string} what
   * @returns {Promise<void>}
   */
  const until = (condition, what) =>
    new Promise((resolve, reject) => {
      const timer = setTimeout(() => {
        watchers.delete(check);
        reject(
          new Error(`Timed out after ${PATIENCE_MS / 1000} s: ${what}; the log ends with:\n${tail(lines)}`),
        );
      }, PATIENCE_MS);
      const check = () => {
        if (!condition()) return;
        clearTimeout(timer);
        watchers.delete(check);
        resolve();
      };
      watchers.add(check);
      check();
    });

  /** @param {NodeJS.Signals} signal */
  const stopSupervisor = async (signal) => {
    const child = supervisor;
    if (child === null) return null;
    supervisor = null;
    const exited = new Promise((resolve) => child.once('exit', resolve));
    child.kill(signal);
    return /** @type {Promise<number | null>} */ (exited);
  };
  startSupervisor();

  return {
    gpus,
    workerIds: Array.from({ length: gpus }, (_, i) => `${HOSTNAME}_gpu${i}`),
    /** These hang; `null` where this user may not mount a FUSE file system. */
    driver,
    gallery,
    countNvidiaSmi: () => countProcesses(path.join(bin, 'nvidia-smi')),
    /**
     * Children with even and with odd process ids have a clock each.
     *
     * @param {{ supervisor: number, children: readonly [number, number] }} shiftsMs
     */
    shiftClocks: async ({ supervisor: shift, children }) => {
      await writeFile(path.join(clocks, 'supervisor'), `${shift}`);
      for (const [i, ms] of children.entries()) await writeFile(path.join(clocks, `child-${i}`), `${ms}`);
    },
    galleryFolder: path.join(directory, 'gallery', STAGE),
    /** Sets how many of the GPUs nvidia-smi lists. */
    showGpus,
    redis,
    proxy,
    lines,
    supervisorPid: () => supervisor?.pid ?? 0,
    startSupervisor,
    stopSupervisor,
    /** The supervisor goes on without the terminal that it was started in. */
    closeTerminal: async () => {
      await stopSupervisor('SIGKILL');
    },
    /** @param {NodeJS.Signals} signal */
    signal: (signal) => void supervisor?.kill(signal),
    /** Resolves once the log makes `condition` true. @param {() => boolean} condition @param {string} what */
    until,
    /**
     * The first line from number `from` on that `accept` takes.
     *
     * @param {(line: LogLine) => boolean} accept
     * @param {number} from
     */
    line: async (accept, from) => {
      /** @type {LogLine | undefined} */
      let found;
      await until(
        () => {
          found = lines.slice(from).find((line) => accept(line));
          return found !== undefined;
        },
        `a line such as ${String(accept)}`,
      );
      return /** @type {LogLine} */ (/** @type {unknown} */ (found));
    },
    /** Saves the log, and removes everything else. @param {string | null} logFile */
    close: async (logFile) => {
      await stopSupervisor('SIGKILL');
      await gallery?.close();
      await driver?.close();
      await proxy.close();
      await redis.stop();
      if (logFile !== null) await writeFile(logFile, lines.map((line) => JSON.stringify(line)).join('\n'));
      await rm(directory, { recursive: true, force: true });
    },
  };
}

/** @param {string} folder */
async function drawGallery(folder) {
  await mkdir(folder, { recursive: true });
  for (let person = 0; person < PERSONS; person += 1) {
    await writeFile(path.join(folder, `p${person}.png`), await drawPerson(person));
  }
}

/** @param {number} person */
export function drawPerson(person) {
  return drawScene({ widthPx: 320, heightPx: 320, faces: [{ person, x: 100, y: 120, sizePx: 110 }] });
}

/**
 * @param {string} directory
 * @param {string} driver the folder that stands for the driver
 */
async function writeNvidiaSmi(directory, driver) {
  const bin = path.join(directory, 'bin');
  await mkdir(bin);
  const all = path.join(ROOT, 'test/fixtures/nvidia-smi/eight-gpus.txt');
  await cp(all, path.join(directory, 'driver/gpus.txt'));
  const program = path.join(bin, 'nvidia-smi');
  await writeFile(
    program,
    `#!/bin/sh\nread count <'${driver}/count'\nhead -n "$count" '${driver}/gpus.txt'\n`,
  );
  await chmod(program, 0o755);
  return bin;
}

/** How many processes run this program. @param {string} program */
async function countProcesses(program) {
  const pids = (await readdir('/proc')).filter((name) => /^\d+$/.test(name));
  const commandLines = await Promise.all(
    pids.map((pid) => readFile(`/proc/${pid}/cmdline`, 'utf8').catch(() => '')),
  );
  return commandLines.filter((text) => text.includes(program)).length;
}

/** @param {string} text @returns {LogLine} */
function parseLine(text) {
  try {
    const line = JSON.parse(text);
    return { ...line, at: Date.parse(line.time) };
  } catch {
    return { msg: text, at: Date.now() };
  }
}

/** @param {readonly LogLine[]} lines */
function tail(lines) {
  return lines
    .slice(-15)
    .map((line) => JSON.stringify(line))
    .join('\n');
}
