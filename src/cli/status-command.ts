import { parseArgs } from 'node:util';
import { Queue } from 'bullmq';
import { readFleet } from '../shared/fleet-records.js';
import { indexQueueName } from '../shared/index-batch.js';
import { connect } from './connect.js';
import { formatTable } from './table.js';

/** Prints the fleet's workers and what waits in the queues. */
export async function statusCommand(args: string[]): Promise<void> {
  parseArgs({ args, options: {} });
  const { config, redis } = await connect();
  const workers = (await readFleet(redis)).map(({ record, status, ageS }) => [
    record.id,
    status,
    record.gpu_name ?? 'CPU',
    record.provider ?? '–',
    String(record.jobs_processed),
    String(record.jobs_failed),
    record.current_job ?? '–',
    `${Math.round(ageS)} s ago`,
  ]);
  process.stdout.write(
    workers.length === 0
      ? 'No worker has ever registered here.\n'
      : `${formatTable([['worker', 'status', 'device', 'provider', 'done', 'failed', 'job', 'heartbeat'], ...workers])}\n`,
  );

  const counts = await Promise.all(
    [config.queue.name, indexQueueName(config.queue.name)].map(async (name) => {
      const queue = new Queue(name, { connection: redis, prefix: config.queue.prefix });
      const [waiting, count] = await Promise.all([
        // While a queue is paused, its waiting jobs are in the list `paused`.
        queue.getJobCountByTypes('wait', 'paused', 'prioritized'),
        queue.getJobCounts('active', 'waiting-children', 'delayed', 'failed'),
      ]);
      const others = ['active', 'waiting-children', 'delayed', 'failed'].map((key) => count[key]);
      return [name, ...[waiting, ...others].map(String)];
    }),
  );
  const head = ['queue', 'waiting', 'active', 'indexing', 'delayed', 'failed'];
  process.stdout.write(`\n${formatTable([head, ...counts])}\n`);
}
