import { parseArgs } from 'node:util';
import { Queue } from 'bullmq';
import { Redis } from 'ioredis';
import { FAULTS, SLOW_FAULTS } from './faults.mjs';
import { openLedger } from './ledger.mjs';
import { createLoad } from './load.mjs';
import { cpuMs, isStillRunning, residentMb } from './processes.mjs';
import { NEED_HANGING_FOLDERS } from './machine-faults.mjs';
import { describeMachine, formatRecoveries, formatTable } from './report.mjs';
import { liveChildren, readWorkers } from './scene.mjs';
import { createTestbed, HOSTNAME } from './testbed.mjs';
import { judge } from './verdict.mjs';

/** Two sweeps, and some. */
const SWEEP_PATIENCE_MS = 180_000;
const HELP = `Breaks a supervised machine in every way we know, under load, and checks that no job is lost.

  npm run test:faults -- [--gpus 4] [--rounds 2] [--minutes N] [--per-second 6] [--seed 1] [--only FAULT] [--short] [--log FILE]

  --gpus        simulated GPUs (they work on the CPU)
  --rounds      how often every fault is injected
  --minutes     soak test: run for this long instead, and print memory use over time
  --per-second  jobs added per second
  --seed        for the order of the faults and the choice of the victims
  --only        only this fault; can be repeated. The faults are: ${Object.keys(FAULTS).join(', ')}
  --short       without the faults that take longest: ${SLOW_FAULTS.join(', ')};
                and without waiting until the selfies that a dead worker left are deleted, which takes a minute
  --log         keep the supervisor's log in this file`;

const { values } = parseArgs({
  options: {
    gpus: { type: 'string', default: '4' },
    rounds: { type: 'string', default: '2' },
    minutes: { type: 'string' },
    'per-second': { type: 'string', default: '6' },
    seed: { type: 'string', default: '1' },
    only: { type: 'string', multiple: true, default: Object.keys(FAULTS) },
    short: { type: 'boolean', default: false },
    log: { type: 'string' },
    help: { type: 'boolean', default: false },
  },
});
if (values.help) {
  console.log(HELP);
  process.exit(0);
}

const unknown = values.only.filter((name) => !(name in FAULTS));
if (unknown.length > 0) {
  console.error(`Unknown fault: ${unknown.join(', ')}`);
  process.exit(2);
}
const gpus = Number(values.gpus);
const random = mulberry32(Number(values.seed));
const endAt = values.minutes === undefined ? null : performance.now() + Number(values.minutes) * 60_000;
console.log(`${describeMachine()}; ${gpus} simulated GPUs`);

const testbed = await createTestbed({ gpus });
const leftOut = testbed.driver === null || testbed.gallery === null ? NEED_HANGING_FOLDERS : [];
if (leftOut.length > 0)
  console.log(`Left out, because this user may not mount a FUSE file system: ${leftOut.join(', ')}`);
const faults = Object.entries(FAULTS).filter(
  ([name]) =>
    values.only.includes(name) && !leftOut.includes(name) && !(values.short && SLOW_FAULTS.includes(name)),
);
const redis = new Redis(testbed.redis.port, '127.0.0.1', {
  maxRetriesPerRequest: null,
  retryStrategy: () => 100,
});
// One of the faults restarts Redis. The connections reconnect by themselves.
redis.on('error', () => undefined);
const queue = new Queue('face-search', { connection: redis });
queue.on('error', () => undefined);
const ledger = await openLedger({ queueName: 'face-search', connection: redis });
const load = await createLoad(queue, testbed.galleryFolder);
const scene = { testbed, ledger, redis, queue, load, random };
/** @type {Map<string, Map<string, number[]>>} */
const recoveries = new Map();
/** @type {Set<string>} */
const workerIds = new Set();
/** @type {(string | number)[][]} */
const memory = [['minute', 'supervisor MB', 'children MB', 'jobs done']];
let exitCode = null;

const watch = setInterval(() => void lookAtWorkers(), 2000);
const memoryTimer = setInterval(() => void noteMemory(), 60_000);
const startedAt = performance.now();

try {
  await testbed.until(allAlive, 'all workers are ready');
  await printIdle();
  const adding = load.run(Number(values['per-second']));
  for (
    let round = 1;
    endAt === null ? round <= Number(values.rounds) : performance.now() < endAt;
    round += 1
  ) {
    for (const [name, fault] of shuffled(faults)) {
      await testbed.until(allAlive, 'all workers are ready');
      const recovery = await fault(scene);
      note(name, recovery);
      const parts = Object.entries(recovery).map(([part, ms]) => `${part} after ${Math.round(ms)} ms`);
      console.log(`round ${round}: ${name}: ${parts.join(', ')}`);
    }
  }
  load.stop();
  await adding;
  await ledger.until(
    () => [...load.expected.keys()].every((id) => isEnded(ledger.entry(id))),
    'all jobs end',
    180_000,
  );
  if (!values.short) await untilNoSelfies();
  await lookAtWorkers();
  exitCode = await testbed.stopSupervisor('SIGTERM');

  const checks = judge({
    ledger,
    expected: load.expected,
    results: await readResults(),
    selfies: values.short ? null : await readSelfies(),
    workerIds,
    gpus,
    hostname: HOSTNAME,
    exitCode,
    leftovers: await childrenLeft(),
    unlogged: testbed.lines.filter(({ level }) => level === undefined).map(({ msg }) => msg),
  });
  console.log(`\n${formatRecoveries(recoveries)}\n`);
  if (memory.length > 1) console.log(`${formatTable(memory)}\n`);
  const again = ledger.starts() - ledger.jobs.size;
  console.log(
    `${load.expected.size} jobs, ${ledger.completions()} results, ${again} restarts of jobs, ${ledger.stalls()} found by the stall check, ${Math.round((performance.now() - startedAt) / 1000)} s; the slowest took ${slowestS()} s`,
  );
  for (const { name, passed, details } of checks)
    console.log(`${passed ? 'ok  ' : 'FAIL'} ${name}${passed ? '' : ` (${details})`}`);
  const failed = checks.filter(({ passed }) => !passed).length;
  console.log(`${checks.length - failed} passed, ${failed} failed`);
  process.exitCode = failed === 0 ? 0 : 1;
} finally {
  clearInterval(watch);
  clearInterval(memoryTimer);
  load.stop();
  await ledger.close();
  redis.disconnect();
  await testbed.close(values.log ?? null);
}

function allAlive() {
  return liveChildren(testbed.lines).length === gpus;
}

async function lookAtWorkers() {
  for (const { id } of await readWorkers(scene)) workerIds.add(id);
}

async function noteMemory() {
  const children = await Promise.all((await readWorkers(scene)).map(({ pid }) => residentMb(pid ?? 0)));
  memory.push([
    Math.round((performance.now() - startedAt) / 60_000),
    (await residentMb(testbed.supervisorPid())) ?? 'none',
    children.map((mb) => mb ?? 'none').join(' '),
    ledger.completions(),
  ]);
}

/** CPU and memory use of the idle supervisor. */
async function printIdle() {
  const pid = testbed.supervisorPid();
  const before = await cpuMs(pid);
  const at = performance.now();
  await new Promise((resolve) => setTimeout(resolve, 5000));
  const used = (((await cpuMs(pid)) ?? NaN) - (before ?? NaN)) / (performance.now() - at);
  console.log(
    `idle: the supervisor uses ${(100 * used).toFixed(1)} % of a core and ${await residentMb(pid)} MB (heartbeat every second)`,
  );
}

/** Ids of the processes in the log that still run. */
async function childrenLeft() {
  const pids = [...new Set(testbed.lines.flatMap(({ pid, childPid }) => [pid ?? [], childPid ?? []].flat()))];
  const running = await Promise.all(pids.map(isStillRunning));
  return pids.filter((_, i) => running[i]);
}

/** Longest time from creation to end of a search with a result. */
function slowestS() {
  const times = [...load.expected.keys()].map((id) => {
    const { addedAt, endedAt } = ledger.entry(id);
    return (endedAt ?? NaN) - (addedAt ?? NaN);
  });
  return (Math.max(...times) / 1000).toFixed(1);
}

async function readResults() {
  const results = new Map();
  for (const id of load.expected.keys()) {
    const value = await redis.hget(queue.toKey(id), 'returnvalue');
    results.set(id, value === null ? null : JSON.parse(value));
  }
  return results;
}

/** A killed worker, or one that Redis refused, leaves its selfies to the sweep, which runs every minute. */
async function untilNoSelfies() {
  const giveUpAt = performance.now() + SWEEP_PATIENCE_MS;
  while ((await readSelfies()).length > 0 && performance.now() < giveUpAt)
    await new Promise((resolve) => setTimeout(resolve, 1000));
}

/** Completed jobs that still have their selfie. */
async function readSelfies() {
  const ids = [...load.expected.keys()];
  const data = await Promise.all(ids.map((id) => redis.hget(queue.toKey(id), 'data')));
  return ids.filter((_, i) => JSON.parse(data[i] ?? '{}').image !== null);
}

/** @param {string} fault @param {Record<string, number>} recovery */
function note(fault, recovery) {
  const parts = recoveries.get(fault) ?? new Map();
  recoveries.set(fault, parts);
  for (const [part, ms] of Object.entries(recovery)) parts.set(part, [...(parts.get(part) ?? []), ms]);
}

/** @param {import('./ledger.mjs').JobEntry} job */
function isEnded(job) {
  return job.completions + job.failures.length > 0;
}

/** @template T @param {readonly T[]} items */
function shuffled(items) {
  return items
    .map((item) => ({ item, key: random() }))
    .toSorted((a, b) => a.key - b.key)
    .map(({ item }) => item);
}

/** A seeded random number generator, 0 to 1 (Tommy Ettinger's mulberry32). @param {number} seed */
function mulberry32(seed) {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let t = Math.imul(state ^ (state >>> 15), 1 | state);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) / 4_294_967_296;
  };
}
