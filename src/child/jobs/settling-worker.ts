import { type Job, type JobJsonRaw, type Processor, Worker, type WorkerOptions } from 'bullmq';

/**
 * A BullMQ worker that calls `onFetched` with the whole hash of a job in Redis, of which BullMQ drops the fields that it
 * does not know, and `onSettled` when it has finished with the job. BullMQ emits no event with the job if it cannot
 * record the job's end, for example because it lost the lock. So this class wraps the method that runs a job from its
 * fetch to its end.
 */
export class SettlingWorker<Data, Result> extends Worker<Data, Result> {
  constructor(
    name: string,
    processor: Processor<Data, Result>,
    options: WorkerOptions,
    private readonly onFetched: (job: Job<Data, Result>, hash: object) => void,
    private readonly onSettled: (job: Job<Data, Result>) => void,
  ) {
    super(name, processor, options);
  }

  protected override createJob(hash: JobJsonRaw, jobId: string): Job<Data, Result> {
    const job = this.parseJob(hash, jobId);
    this.onFetched(job, hash);
    return job;
  }

  /** A job that BullMQ cannot parse would never end: its fetch fails, and the stall check returns it to the queue. */
  private parseJob(hash: JobJsonRaw, jobId: string): Job<Data, Result> {
    try {
      return super.createJob(hash, jobId);
    } catch {
      // Without data, it fails as invalid.
      return super.createJob({ ...hash, data: 'null', opts: '{}', progress: '0' }, jobId);
    }
  }

  override async processJob(
    job: Job<Data, Result>,
    token: string,
    fetchNext?: () => boolean,
  ): ReturnType<Worker<Data, Result>['processJob']> {
    try {
      return await super.processJob(job, token, fetchNext);
    } finally {
      this.onSettled(job);
    }
  }
}
