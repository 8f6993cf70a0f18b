import type { Redis } from 'ioredis';
import { messageOf, StartupError } from '../shared/errors.js';
import { EXIT_CODES } from '../shared/exit-codes.js';
import { createCalibration } from '../shared/calibration.js';
import type { Config } from '../shared/config.js';
import type { Device } from '../shared/device.js';
import type { SupervisorMessage } from '../shared/ipc.js';
import { createLogger, type Logger } from '../shared/logger.js';
import { findModelPack, packKey } from '../shared/model-pack.js';
import { createRedis, redisReady } from '../shared/redis-connection.js';
import { type GalleryService, startGalleryThread } from './gallery-thread/start-gallery-thread.js';
import type { Engine } from './engine/engine.js';
import type { JobWorkers } from './job-workers.js';
import { type IpcChannel, linkToSupervisor } from './supervisor-link.js';

/** Time for running jobs to finish after the supervisor has died. */
const ORPHAN_DRAIN_MS = 5000;
const THREADS_STOP_TIMEOUT_MS = 1500;
const REPORT_TIMEOUT_MS = 500;

export interface ChildDeps {
  readonly channel: IpcChannel;
  readonly createEngine: (options: {
    readonly device: Device;
    readonly processorsOnly: boolean;
    readonly cautious: boolean;
    readonly config: Config['engine'];
    readonly cores: number;
    readonly logger: Logger;
  }) => Promise<Engine>;
  /** Ends the process. */
  readonly exit: (code: number) => void;
  /** Ends the process even if a thread is stuck in native code; `exit` would wait for that thread forever. */
  readonly kill: () => void;
}

/**
 *   waiting ──init──▶ starting ──engine and Redis ready──▶ serving
 *      └─────────────────┴──drain, orphaned, failure───────────┴──▶ leaving
 */
type ChildState =
  | { readonly kind: 'waiting' }
  | { readonly kind: 'starting'; readonly quiet: boolean }
  | { readonly kind: 'serving'; readonly worker: JobWorkers; readonly engine: Engine }
  | { readonly kind: 'leaving'; readonly worker: JobWorkers | null };

interface Ending {
  readonly exitCode: number;
  /** Time limit for running jobs. */
  readonly timeoutMs: number;
  /** The reason for the supervisor, if the child fails. */
  readonly failure?: string;
}

/** Runs a child until its process ends. */
export function runChild({ channel, createEngine, exit, kill }: ChildDeps): {
  crash(error: unknown): Promise<void>;
} {
  let state: ChildState = { kind: 'waiting' };
  let logger = createLogger('child', 'info');
  let engineStart: Promise<Engine> | null = null;
  let galleriesStart: Promise<GalleryService | null> | null = null;
  let redis: Redis | null = null;

  const start = async (init: SupervisorMessage & { readonly type: 'init' }): Promise<void> => {
    state = { kind: 'starting', quiet: init.quiet };
    logger = createLogger('child', init.config.logLevel).child({ worker: init.workerId });
    redis = createRedis(init.config.redis, logger, { connectionName: init.workerId });
    const starting = createEngine({
      device: init.device,
      processorsOnly: init.config.devices.cpuOnly || init.config.devices.cpuWorker === 'on',
      cautious: init.cautious,
      config: init.config.engine,
      cores: init.cores,
      logger,
    });
    engineStart = starting;
    galleriesStart = openGalleries(init);
    // Everything loads at the same time. This thread loads BullMQ meanwhile.
    const [engine, galleries, { createJobWorkers }] = await Promise.all([
      starting,
      galleriesStart,
      import('./job-workers.js'),
    ]);
    dieWith(engine);
    void engine.exhausted.then((error) =>
      leave({
        exitCode: EXIT_CODES.engineDied,
        timeoutMs: init.config.supervision.shutdownTimeoutMs,
        failure: messageOf(error),
      }),
    );
    if (galleries !== null) dieWith(galleries);
    await redisReady(redis);
    if (state.kind !== 'starting') return;

    const { quiet } = state;
    const worker = createJobWorkers({
      config: init.config,
      workerId: init.workerId,
      engine,
      galleries,
      redis,
      events: {
        started: (queue, jobId) => link.send({ type: 'job-started', queue, jobId }),
        progress: (jobId, progress) => link.send({ type: 'job-progress', jobId, progress }),
        timed: (durations) => link.send({ type: 'search-timed', durations }),
        ended: (queue, jobId, outcome) => link.send({ type: 'job-ended', queue, jobId, outcome }),
      },
      logger,
    });
    state = { kind: 'serving', worker, engine };
    link.send({
      type: 'ready',
      engine: engine.name,
      modelPack: engine.pack.name,
      modelLicense: engine.pack.license,
      provider: engine.provider,
      providerRefusals: engine.providerRefusals,
      concurrency: worker.concurrency,
      lockTokenPrefixes: worker.lockTokenPrefixes,
    });
    if (!quiet) worker.resume();
  };

  /** Ends the child when the thread dies. The supervisor then starts a new child. */
  const dieWith = ({ died }: { readonly died: Promise<Error> }): void => {
    void died.then((error) =>
      leave({ exitCode: EXIT_CODES.engineDied, timeoutMs: 0, failure: messageOf(error) }),
    );
  };

  const leave = async ({ exitCode, timeoutMs, failure }: Ending): Promise<void> => {
    if (state.kind === 'leaving') {
      void state.worker?.drain(timeoutMs);
      return;
    }
    const worker = state.kind === 'serving' ? state.worker : null;
    state = { kind: 'leaving', worker };
    if (failure !== undefined) logger.error({ reason: failure, exitCode }, 'The child cannot go on and ends');
    await worker?.drain(timeoutMs);
    redis?.disconnect();
    const threadsStopped = await settlesWithin(
      Promise.all([
        engineStart?.then((engine) => engine.stop()),
        galleriesStart?.then((galleries) => galleries?.stop()),
      ]),
      THREADS_STOP_TIMEOUT_MS,
    );
    if (failure !== undefined) await reportFailure(failure);
    if (threadsStopped) exit(exitCode);
    else kill();
  };

  const reportFailure = (error: string): Promise<boolean> =>
    settlesWithin(link.sendLast({ type: 'failing', error }), REPORT_TIMEOUT_MS);

  const link = linkToSupervisor(
    channel,
    {
      init: (init) => {
        start(init).catch((error: unknown) => {
          const exitCode = error instanceof StartupError ? error.exitCode : EXIT_CODES.crash;
          return leave({ exitCode, timeoutMs: 0, failure: messageOf(error) });
        });
      },
      quiet: () => {
        if (state.kind === 'starting') state = { kind: 'starting', quiet: true };
        else if (state.kind === 'serving') state.worker.quiet();
      },
      resume: () => {
        if (state.kind === 'starting') state = { kind: 'starting', quiet: false };
        else if (state.kind === 'serving') state.worker.resume();
      },
      drain: (timeoutMs) => void leave({ exitCode: EXIT_CODES.ok, timeoutMs }),
      cancel: (jobId) => {
        if (state.kind === 'serving' || state.kind === 'leaving') state.worker?.cancel(jobId);
      },
      orphaned: () => void leave({ exitCode: EXIT_CODES.ok, timeoutMs: ORPHAN_DRAIN_MS }),
    },
    () =>
      state.kind === 'serving'
        ? {
            activeJobs: state.worker.activeJobs(),
            stalledReason: state.worker.stalledReason(),
            inferenceSilentMs: state.engine.silentMs(),
            oomSteps: state.engine.oomSteps(),
          }
        : {
            activeJobs: 0,
            stalledReason: null,
            inferenceSilentMs: 0,
            oomSteps: { halved: 0, shrunk: 0, onCpu: 0 },
          },
  );

  return {
    crash: async (error) => {
      logger.fatal({ error: error instanceof Error ? error.stack : String(error) }, 'The child crashed');
      await reportFailure(messageOf(error));
      exit(EXIT_CODES.crash);
    },
  };
}

/** Resolves with `null` if this machine has no gallery folder. */
async function openGalleries({
  workerId,
  config,
}: SupervisorMessage & { readonly type: 'init' }): Promise<GalleryService | null> {
  const { dir } = config.gallery;
  if (dir === null) return null;
  const pack = await findModelPack(config.engine.modelPack, config.engine.modelsDir);
  const data = {
    workerId,
    redis: config.redis,
    logLevel: config.logLevel,
    settings: { ...config.gallery, dir },
    pack: { key: packKey(pack, config.engine.galleryUpright), embeddingSize: pack.embedder.embeddingSize },
    excludedMinCosine: createCalibration(pack.calibration).cosineOf(config.jobs.threshold),
  };
  return startGalleryThread(data, config.supervision.pingTimeoutMs);
}

/** Whether a promise resolves or rejects within the time. */
async function settlesWithin(promise: Promise<unknown>, timeoutMs: number): Promise<boolean> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<boolean>((resolve) => {
    timer = setTimeout(() => resolve(false), timeoutMs);
  });
  const settled = promise.then(
    () => true,
    () => true,
  );
  try {
    return await Promise.race([settled, late]);
  } finally {
    clearTimeout(timer);
  }
}
