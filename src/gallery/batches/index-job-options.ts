import type { JobsOptions } from 'bullmq';

/** How an index batch is queued. Once it has ended, its id is free again. */
export const INDEX_JOB_OPTIONS = {
  attempts: 3,
  backoff: { type: 'exponential', delay: 1000 },
  removeOnComplete: true,
  removeOnFail: true,
} as const satisfies JobsOptions;
