import { Queue } from 'bullmq';
import type { Redis } from 'ioredis';
import type { Config } from '../shared/config.js';
import type { SearchDurations } from '../shared/durations.js';
import { parseEmbedJob } from '../shared/embed-job.js';
import { indexQueueName, type IndexedBatch, parseIndexJob } from '../shared/index-batch.js';
import { GalleryUnavailableError } from '../shared/errors.js';
import type { JobQueue } from '../shared/ipc.js';
import type { SearchResult } from '../shared/job.js';
import type { Logger } from '../shared/logger.js';
import { deleteSelfies, startSelfieSweep } from './jobs/selfies.js';
import { createBatchEnds } from './indexing/batch-ends.js';
import { createIndexPlanner } from '../gallery/batches/index-planner.js';
import { createIndexPlans } from '../gallery/batches/index-plans.js';
import { createBadPhotos } from '../gallery/store/bad-photos.js';
import type { GalleryService } from './gallery-thread/start-gallery-thread.js';
import type { Engine } from './engine/engine.js';
import { createJobWorker, type JobEvents, type JobWorker } from './jobs/job-worker.js';
import type { JobOutcome } from './jobs/running-job.js';
import { createEmbeddingStore } from '../gallery/store/embedding-store.js';
import { createFileTable } from '../gallery/store/file-table.js';
import { openPhotoSource } from '../gallery/source/photo-source.js';
import { isWithin } from '../gallery/source/stage-path.js';
import { completeWriter, createFaceWriter } from '../gallery/store/face-writer.js';
import { announceForgotten } from '../gallery/store/forgotten-log.js';
import { describeOptOutGap } from '../gallery/store/opt-out-gap.js';
import { createOptOuts } from '../gallery/store/opt-outs.js';
import { createByteBudget } from './indexing/byte-budget.js';
import { createFindFaces, createStoredFaces } from './indexing/known-faces.js';
import { createGate } from './jobs/gate.js';
import { runIndexJob } from './indexing/index-job.js';
import { returnToOtherPack } from './jobs/other-pack.js';
import { idOf } from './jobs/running-jobs.js';
import { createSavedProbes } from './search/saved-probe.js';
import { runEmbedJob } from './search/embed-selfies.js';
import { runSearchJob } from './search/search-job.js';

/** While one batch waits for its last photos or for Redis, the other one keeps the engine busy. */
const BATCHES_AT_A_TIME = 2;
/** As for WORKER_CONCURRENCY. */
const MAX_SEARCHES_AT_A_TIME = 64;

export interface JobWorkersDeps {
  readonly config: Pick<Config, 'queue' | 'jobs' | 'gallery' | 'engine'>;
  readonly workerId: string;
  readonly engine: Engine;
  /** `null` without a gallery folder: this child then indexes nothing and searches only photos that jobs contain. */
  readonly galleries: GalleryService | null;
  /** A connected client. The caller closes it after the workers have stopped. */
  readonly redis: Redis;
  readonly events: {
    started(queue: JobQueue, jobId: string): void;
    progress(jobId: string, percent: number): void;
    timed(durations: SearchDurations): void;
    ended(queue: JobQueue, jobId: string, outcome: JobOutcome): void;
  };
  readonly logger: Logger;
}

export interface JobWorkers extends Omit<JobWorker, 'lockTokenPrefix' | 'giveBack'> {
  /** Why the worker takes no jobs, for operators; `null` if it can take jobs, or only a command paused it. */
  stalledReason(): string | null;
  /** Searches at a time. */
  readonly concurrency: number;
  readonly lockTokenPrefixes: readonly string[];
}

/** The child's workers for searches and for index batches, as one. They take no jobs until `resume()`. */
export function createJobWorkers(deps: JobWorkersDeps): JobWorkers {
  const { config, workerId, engine, galleries, redis, events, logger } = deps;
  const concurrency = config.jobs.concurrency ?? searchesAtATime(engine);
  const { failedSelfieRetentionMs } = config.jobs;
  const { maxImageBytes } = config.engine;
  const { excludedStage } = config.gallery;
  const photos =
    config.gallery.dir === null
      ? null
      : openPhotoSource(config.gallery.dir, config.gallery.s3, config.gallery.ignoredFolders);
  const connection = { connection: redis, prefix: config.queue.prefix };
  const searchQueue = new Queue(config.queue.name, connection);
  const indexQueue = new Queue(indexQueueName(config.queue.name), connection);
  // The connection already logs when it is lost and when it is back.
  for (const queue of [searchQueue, indexQueue]) queue.on('error', () => {});

  const embeddings = createEmbeddingStore({
    redis,
    pack: engine.pack,
    retentionS: config.gallery.retentionS,
  });
  const files = createFileTable(redis, config.gallery.retentionS);
  const findFaces = createFindFaces(engine, embeddings);
  const optOuts = createOptOuts(redis);
  // Without an answer there is no warning. Each write of faces reads the list, too, and fails then.
  void optOuts.list().then(
    (entries) => {
      const gap = describeOptOutGap(entries, engine.pack.key);
      if (gap !== null) logger.warn(gap);
    },
    () => {},
  );
  const writer = createFaceWriter({
    store: embeddings,
    optOuts,
    packKey: engine.pack.key,
    announceForgotten: (hashes) => announceForgotten(redis, hashes),
  });
  const threadDied = Promise.race([engine.died, ...(galleries === null ? [] : [galleries.died])]);
  const shared = { workerId, threadDied, gate: createGate(), redis, logger };
  const badPhotos = createBadPhotos(redis);
  const plans = createIndexPlans(redis, indexQueue, engine.pack.key);
  const planner = createIndexPlanner({ indexQueue, plans, badPhotos });
  const ends = createBatchEnds({ plans, planner, badPhotos, redis, searchQueue });
  const eventsOf = (queue: JobQueue): JobEvents => ({
    started: (jobId) => events.started(queue, jobId),
    ended: (jobId, outcome) => events.ended(queue, jobId, outcome),
  });

  const workers: JobWorker[] = [];
  let isQuiet = true;

  const reportProblem = async <T>(work: Promise<T>): Promise<T> => {
    try {
      return await work;
    } catch (error) {
      if (error instanceof GalleryUnavailableError) galleries?.report(error.message);
      throw error;
    }
  };
  const stalledReason = (): string | null => galleries?.problem()?.reason ?? null;
  const applyState = (): void => {
    for (const worker of workers) {
      if (isQuiet || stalledReason() !== null) worker.quiet();
      else worker.resume();
    }
  };
  galleries?.onProblem((problem) => {
    if (problem === null) logger.info('The gallery can be read again; the worker takes jobs');
    else logger.error({ reason: problem.reason }, 'The worker takes no jobs until the gallery can be read');
    applyState();
    if (problem?.hung === true) workers.forEach((worker) => worker.giveBack());
  });

  const searches = createJobWorker<SearchResult>({
    ...shared,
    queue: config.queue,
    concurrency,
    work: (job, token, signal) => {
      const embedJob = parseEmbedJob(job.data);
      if (embedJob !== null) return runEmbedJob(job, token, signal, embedJob, { engine, redis });
      return reportProblem(
        runSearchJob(job, token, signal, {
          tools: {
            engine,
            findFaces: createStoredFaces(findFaces, writer),
            galleries,
            photos,
            settings: config.jobs,
            gallerySettings: config.gallery,
            maxImageBytes,
          },
          redis,
          searchQueue,
          waiting: {
            planner,
            index: { plans, ends, indexQueue, searchQueue, redis },
            probes: createSavedProbes(redis, searchQueue, engine.pack.key),
          },
          onProgress: events.progress,
          onTimed: events.timed,
          logger,
        }),
      );
    },
    ...(!config.jobs.keepSelfies && {
      onFinal: async (job, outcome) => {
        if (failedSelfieRetentionMs === 0 || outcome === 'completed') await deleteSelfies(job, redis);
      },
    }),
    failsAfterCrashes: true,
    finalPercent: 100,
    events: eventsOf('search'),
  });
  workers.push(searches);
  const sweep = config.jobs.keepSelfies
    ? null
    : startSelfieSweep(searchQueue, redis, failedSelfieRetentionMs, logger);

  if (photos !== null) {
    const tools = {
      photos,
      maxImageBytes,
      findFaces,
      writerOf: (folder: string) =>
        excludedStage !== null && isWithin(folder, excludedStage) ? completeWriter(embeddings) : writer,
      budget: createByteBudget(),
      files,
      ends,
      redis,
      concurrency: engine.capacity,
    };
    const batches = createJobWorker<IndexedBatch>({
      ...shared,
      queue: { ...config.queue, name: indexQueue.name },
      concurrency: BATCHES_AT_A_TIME,
      // `runIndexJob` splits such a batch instead.
      failsAfterCrashes: false,
      finalPercent: null,
      work: async (job, token, signal) =>
        (await returnToOtherPack(job, token, parseIndexJob(job.data).pack, engine.pack.key))
          ? { kind: 'moved' }
          : { kind: 'done', value: await reportProblem(runIndexJob(job, signal, tools)) },
      onFinal: async (job, outcome) => {
        if (outcome === 'failed') await ends.failed(job, job.failedReason);
        // BullMQ adds no batch while a job has its id, so a plan that began after the end of the work waits for this one.
        else await ends.lost(idOf(job));
      },
      events: eventsOf('index'),
    });
    workers.push(batches);
  }

  return {
    concurrency,
    lockTokenPrefixes: workers.map(({ lockTokenPrefix }) => lockTokenPrefix),
    activeJobs: () => workers.reduce((sum, worker) => sum + worker.activeJobs(), 0),
    stalledReason,
    resume: () => {
      isQuiet = false;
      applyState();
    },
    quiet: () => {
      isQuiet = true;
      applyState();
    },
    cancel: (jobId) => workers.forEach((worker) => worker.cancel(jobId)),
    // The queues need no closing: they use the caller's connection.
    drain: async (timeoutMs) => {
      void sweep?.stop();
      await Promise.all(workers.map((worker) => worker.drain(timeoutMs)));
    },
  };
}

/**
 * As many as the engine takes images, because a search of an indexed gallery analyzes only its selfie. Further searches are
 * better off on idle machines.
 */
function searchesAtATime(engine: Engine): number {
  return Math.min(MAX_SEARCHES_AT_A_TIME, engine.capacity);
}
