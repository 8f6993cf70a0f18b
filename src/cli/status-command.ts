import { Queue } from 'bullmq';
import { readFleet, type SeenWorker } from '../shared/fleet-records.js';
import { indexQueueName } from '../shared/index-batch.js';
import type { WorkerStatus } from '../shared/worker-record.js';
import { type Connection, connect } from './connect.js';
import { count, formatTable, printable, printableJson, printableLines } from './terminal.js';

/** A worker that starts may never get ready, so it is not healthy yet. A paused one does what it should. */
const HEALTHY: readonly WorkerStatus[] = ['online', 'paused', 'draining'];

interface QueueStatus {
  readonly name: string;
  readonly paused: boolean;
  readonly waiting: number;
  readonly active: number;
  readonly delayed: number;
  readonly failed: number;
}

export interface StatusOptions {
  readonly json?: boolean;
  readonly check?: boolean;
}

/** Prints the workers and the number of jobs in the queues. */
export async function statusCommand({ json = false, check = false }: StatusOptions): Promise<void> {
  const connection = await connect();
  const { name } = connection.config.queue;
  const workers = await readFleet(connection.redis);
  if (check) {
    checkMachine(connection.config.hostname, workers);
    return;
  }
  const queues = await Promise.all([name, indexQueueName(name)].map((queue) => readQueue(connection, queue)));
  if (json) {
    const records = workers.map(({ record, status, ageS }) => ({ ...record, status, heartbeat_age: ageS }));
    process.stdout.write(`${printableJson({ workers: records, queues })}\n`);
    return;
  }
  process.stdout.write(`${describeWorkers(workers)}\n\n${describeQueues(queues)}\n`);
}

/** For health checks: @throws {Error} no worker of this machine is healthy */
function checkMachine(hostname: string, workers: readonly SeenWorker[]): void {
  const here = workers.filter(({ record }) => record.hostname === hostname);
  if (here.length === 0)
    throw new Error(`No worker of the machine "${hostname}" has registered in this Redis yet.`);
  const lines = here.map(({ record, status }) => describeStatus(record.id, status, record.status_reason));
  if (!here.some(({ status }) => HEALTHY.includes(status))) throw new Error(lines.join('\n'));
  process.stdout.write(`${printableLines(lines.join('\n'))}\n`);
}

function describeStatus(id: string, status: WorkerStatus, reason: string | null): string {
  return `${id} is ${status}${reason === null ? '' : `: ${reason}`}`;
}

function describeWorkers(workers: readonly SeenWorker[]): string {
  if (workers.length === 0) return 'No worker has registered in this Redis yet.';
  const rows = workers.map(({ record, status, ageS }) => [
    record.id,
    status,
    record.gpu_name ?? 'CPU',
    record.provider ?? '–',
    record.model_pack ?? '–',
    String(record.jobs_processed),
    String(record.jobs_failed),
    record.current_job ?? '–',
    `${Math.round(ageS)} s ago`,
  ]);
  const head = ['worker', 'status', 'device', 'provider', 'pack', 'done', 'failed', 'job', 'heartbeat'];
  const reasons = workers
    .filter(({ record, status }) => record.status_reason !== null && status !== 'offline')
    .map(({ record }) => printable(`${record.id}: ${record.status_reason}`));
  return [formatTable([head, ...rows]), ...reasons, ...describePacks(workers)].join('\n');
}

/** Each pack has its own faces, so two packs mean two indexes and different scores. */
function describePacks(workers: readonly SeenWorker[]): string[] {
  const packs = new Map<string, number>();
  for (const { record, status } of workers) {
    if (status === 'offline' || record.model_pack === null) continue;
    packs.set(record.model_pack, (packs.get(record.model_pack) ?? 0) + 1);
  }
  if (packs.size < 2) return [];
  const parts = [...packs].map(([pack, workersOf]) => `${printable(pack)} (${count(workersOf, 'worker')})`);
  return [`Warning: the workers run different model packs, so scores differ: ${parts.join(', ')}.`];
}

function describeQueues(queues: readonly QueueStatus[]): string {
  const rows = queues.map(({ name, paused, waiting, active, delayed, failed }) => [
    name,
    paused ? 'paused' : 'running',
    ...[waiting, active, delayed, failed].map(String),
  ]);
  return formatTable([['queue', 'state', 'waiting', 'active', 'delayed', 'failed'], ...rows]);
}

async function readQueue({ config, redis }: Connection, name: string): Promise<QueueStatus> {
  const queue = new Queue(name, { connection: redis, prefix: config.queue.prefix });
  const [counts, paused] = await Promise.all([
    // While a queue is paused, its waiting jobs are in the list `paused`.
    queue.getJobCounts('wait', 'paused', 'prioritized', 'active', 'delayed', 'failed'),
    queue.isPaused(),
  ]);
  const of = (state: string): number => counts[state] ?? 0;
  return {
    name,
    paused,
    waiting: of('wait') + of('paused') + of('prioritized'),
    active: of('active'),
    delayed: of('delayed'),
    failed: of('failed'),
  };
}
