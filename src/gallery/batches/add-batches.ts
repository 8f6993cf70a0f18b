import type { Queue } from 'bullmq';
import type { IndexBatch } from '../../shared/index-batch.js';
import { INDEX_JOB_OPTIONS } from './index-job-options.js';
import { batchId } from './plan-batches.js';

/** Has batches indexed that no search waits for. One that is queued already is not queued again. */
export async function addBatches(indexQueue: Queue, batches: readonly IndexBatch[]): Promise<void> {
  await indexQueue.addBulk(
    batches.map((batch) => ({
      name: 'index',
      data: { ...batch, round: 1 },
      opts: { ...INDEX_JOB_OPTIONS, jobId: batchId(batch) },
    })),
  );
}
