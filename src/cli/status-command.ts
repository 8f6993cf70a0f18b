import { parseArgs } from 'node:util';
import { Queue } from 'bullmq';
import { indexQueueName } from '../shared/index-batch.js';
import { WORKERS_KEY } from '../shared/redis-keys.js';
import type { WorkerRecord } from '../shared/worker-record.js';
import { connect } from './connect.js';
import { formatTable } from './table.js';

/** A reader takes an older record for offline, whatever its status says. */
const OFFLINE_AFTER_S = 15;

/** Prints the fleet's workers and what waits in the queues. */
export async function statusCommand(args: string[]): Promise<void> {
  parseArgs({ args, options: {} });
  const { config, redis } = await connect();
  const records = Object.values(await redis.hgetall(WORKERS_KEY)).map(
    (text) => JSON.parse(text) as WorkerRecord,
  );
  const nowS = Date.now() / 1000;
  const workers = records
    .toSorted((a, b) => (a.id < b.id ? -1 : 1))
    .map((record) => [
      record.id,
      nowS - record.last_heartbeat > OFFLINE_AFTER_S ? 'offline' : record.status,
      record.gpu_name ?? 'CPU',
      record.provider ?? '–',
      String(record.jobs_processed),
      String(record.jobs_failed),
      record.current_job ?? '–',
      `${Math.max(0, Math.round(nowS - record.last_heartbeat))} s ago`,
    ]);
  process.stdout.write(
    workers.length === 0
      ? 'No worker has ever registered here.\n'
      : `${formatTable([['worker', 'status', 'device', 'provider', 'done', 'failed', 'job', 'heartbeat'], ...workers])}\n`,
  );

  const counts = await Promise.all(
    [config.queue.name, indexQueueName(config.queue.name)].map(async (name) => {
      const queue = new Queue(name, { connection: redis, prefix: config.queue.prefix });
      const count = await queue.getJobCounts('wait', 'active', 'waiting-children', 'delayed', 'failed');
      return [
        name,
        ...['wait', 'active', 'waiting-children', 'delayed', 'failed'].map((key) => String(count[key])),
      ];
    }),
  );
  const head = ['queue', 'waiting', 'active', 'indexing', 'delayed', 'failed'];
  process.stdout.write(`\n${formatTable([head, ...counts])}\n`);
}
