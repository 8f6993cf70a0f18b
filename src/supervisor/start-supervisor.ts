import { randomUUID } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { type Config, loadConfig } from '../shared/config.js';
import { messageOf, StartupError } from '../shared/errors.js';
import { EXIT_CODES, isPermanentFailure } from '../shared/exit-codes.js';
import type { Logger } from '../shared/logger.js';
import { createRedis } from '../shared/redis-connection.js';
import { createDashboardProcess } from './dashboard-process.js';
import { createDeviceWatch } from './devices/device-watch.js';
import { createGpuMonitor } from './devices/gpu-monitor.js';
import { type FoundDevices, findDevices, logOtherGpus, selectDevices } from './devices/devices.js';
import { createFleet } from './slots/fleet.js';
import { createHeartbeat } from './heartbeat/heartbeat.js';
import { createJobRecovery } from './recovery/job-recovery.js';
import { createMachineLease } from './heartbeat/machine-lease.js';
import { createRecordRemoval } from './heartbeat/remove-old-records.js';
import { identifyProcess } from './heartbeat/process-identity.js';
import { createMemoryGuard } from './slots/memory-guard.js';
import { createRollingRestartController } from './slots/rolling-restart-controller.js';
import { listenForCommands } from './command-listener.js';
import { createRedisWatch } from './redis-watch.js';
import type { ServiceManager } from './service-manager.js';
import { createQueueOpener } from './recovery/open-queues.js';
import { createOrphanedJobs } from './recovery/orphaned-jobs.js';
import { acquireLease } from './heartbeat/acquire-lease.js';
import { createXidWatch } from './devices/xid-watch.js';

/** A machine whose workers do not start still gets its dashboard. */
const FIRST_WORKER_PATIENCE_MS = 5000;
/** Redis may be unreachable when the supervisor stops. */
const FAREWELL_TIMEOUT_MS = 2000;
const CHILD_MODULE = fileURLToPath(new URL('../child.js', import.meta.url));
const DASHBOARD_MODULE = fileURLToPath(new URL('../dashboard.js', import.meta.url));

export interface Supervisor {
  /** Replaces all children, one by one. */
  roll(): void;
  setQuiet(quiet: boolean): void;
  /** Drains and stops. A second call returns the running jobs to the queue at once. */
  stop(): void;
  /** Resolves with the exit code once everything has stopped. */
  readonly stopped: Promise<number>;
}

/** `stopping` waits for the running jobs, `stopping-now` does not. */
type Phase = 'starting' | 'running' | 'stopping' | 'stopping-now';

/** Connects Redis, lease, devices, fleet and heartbeat. Stops them in reverse order. */
export function startSupervisor(initial: Config, service: ServiceManager, logger: Logger): Supervisor {
  let config = initial;
  let phase: Phase = 'starting';
  let hasLease = false;
  let leaseAttempt: Promise<void> = Promise.resolve();
  let onLease!: () => void;
  const leased = new Promise<void>((resolve) => {
    onLease = resolve;
  });
  const starting = new AbortController();
  let settle!: (exitCode: number) => void;
  const stopped = new Promise<number>((resolve) => {
    settle = resolve;
  });

  const redis = createRedis(config.redis, logger, { connectionName: `supervisor:${config.hostname}` });
  const redisIsUp = (): boolean => redis.status === 'ready';
  const openQueues = createQueueOpener(config.queue, redis, logger);
  const identity = identifyProcess(process.pid);
  const lease = createMachineLease(redis, config.hostname, {
    bootId: randomUUID(),
    pid: process.pid,
    since: Math.floor(Date.now() / 1000),
    ...(identity !== null && { process: identity }),
  });

  const recovery = createJobRecovery(openQueues, redis, logger);
  const fleet = createFleet(
    {
      childModulePath: CHILD_MODULE,
      config: () => config,
      leased,
      recovery,
      redisIsUp: () => redisIsUp() && redisWatch.problem() === null,
      onChange: () => onFleetChange(),
      onTrouble: () => xids.refresh(),
      logger,
    },
    logger,
  );

  const xids = createXidWatch(fleet.workers, logger);

  const orphanedJobs = createOrphanedJobs(openQueues, redis, fleet.children, logger);
  redis.once('ready', () => redis.on('ready', orphanedJobs.redisIsBack));

  const rollingRestart = createRollingRestartController({
    loadConfig,
    currentConfig: () => config,
    useConfig: (next) => {
      config = next;
    },
    onDone: () => void restartDashboard(),
    targets: () => fleet.workers(),
    orderFor: ({ id }) => memory.replaceOrder(id),
    logger,
  });
  const memory = createMemoryGuard(fleet, () => config.supervision, rollingRestart.isRolling, logger);

  const redisWatch = createRedisWatch(redis, config.queue, logger, () => {
    if (phase === 'running') roll();
  });
  const recordRemoval = createRecordRemoval(redis, config.supervision.workerRecordS, logger);
  const gpus = createGpuMonitor({
    intervalMs: config.supervision.heartbeatIntervalMs,
    isNeeded: () => fleet.workers().some(({ device }) => device.kind === 'nvidia'),
    onFigures: memory.check,
    logger,
  });
  const heartbeat = createHeartbeat({
    hostname: config.hostname,
    intervalMs: config.supervision.heartbeatIntervalMs,
    fleet,
    lease,
    redisIsUp,
    lastRoll: rollingRestart.lastOutcome,
    lastXid: xids.lastXid,
    gpus,
    redisProblem: redisWatch.problem,
    onLeaseLost: (holder) => {
      hasLease = false;
      logger.error(
        { holder },
        `Another supervisor (pid ${holder.pid}) has taken the lease of ${config.hostname}`,
      );
      stop(EXIT_CODES.leaseTaken);
    },
    logger,
  });
  const watch = createDeviceWatch(fleet.syncGpus, config.devices, logger);
  const dashboard = createDashboardProcess(DASHBOARD_MODULE, logger);

  const restartDashboard = async (): Promise<void> => {
    if (config.dashboard.port === null) await dashboard.stop();
    else await dashboard.restart();
  };
  const roll = (): void => {
    if (phase === 'running') rollingRestart.request();
    else logger.warn(`Ignoring the rolling restart: the supervisor is ${phase}`);
  };
  const restartWorker = (workerId: string): boolean => {
    const worker = fleet.workers().find(({ id }) => id === workerId);
    worker?.slot.replace(memory.replaceOrder(workerId));
    return worker !== undefined;
  };
  const commands = listenForCommands(
    redis,
    { queue: { ...config.queue, db: config.redis.db }, hostname: config.hostname },
    { cancel: fleet.cancel, restart: restartWorker, roll },
    logger,
  );

  const onFleetChange = (): void => {
    const workers = fleet.workers().map((worker) => worker.facts());
    if (phase === 'running' && workers.some(({ state }) => state.kind === 'serving')) {
      service.ready();
      onFirstWorker();
    }
    // No worker has ever run, and a restart cannot fix that.
    const hopeless = workers.every(
      ({ state, lastExit, restarts }) =>
        state.kind === 'failed' && restarts === 1 && isPermanentFailure(lastExit?.code ?? null),
    );
    if (phase === 'running' && hopeless) {
      logger.fatal('No worker can start; stopping');
      stop(workers[0]?.lastExit?.code ?? EXIT_CODES.crash);
    }
  };

  let isFirstWorker = true;
  let firstWorkerTimer: NodeJS.Timeout | undefined;
  /** Starts what would slow the first worker's start down. */
  const onFirstWorker = (): void => {
    if (!isFirstWorker) return;
    isFirstWorker = false;
    clearTimeout(firstWorkerTimer);
    void restartDashboard();
    void logOtherGpus(logger);
  };

  const takeLease = async (): Promise<void> => {
    redisWatch.start();
    await acquireLease(lease, config.hostname, logger, starting.signal);
    hasLease = true;
    onLease();
  };

  const addDevices = async (): Promise<FoundDevices> => {
    const found = await findDevices();
    starting.signal.throwIfAborted();
    if (found.problem !== null) logger.warn(`Cannot use the NVIDIA GPUs: ${found.problem}`);
    fleet.add(selectDevices(found, config.devices));
    return found;
  };

  const start = async (): Promise<void> => {
    // The children load their code while this process connects to Redis.
    leaseAttempt = takeLease();
    const [found] = await Promise.all([addDevices(), leaseAttempt]);
    phase = 'running';
    watch.start(found.idle);
    xids.start();
    gpus.start();
    recordRemoval.start();
    firstWorkerTimer = setTimeout(onFirstWorker, FIRST_WORKER_PATIENCE_MS);
    onFleetChange();
    await heartbeat.beat();
    heartbeat.start();
  };

  const stop = (exitCode: number): void => {
    if (phase === 'stopping' || phase === 'stopping-now') {
      if (phase === 'stopping') logger.warn('Stopping at once: the running jobs return to the queue');
      phase = 'stopping-now';
      void fleet.stop(0);
      return;
    }
    phase = 'stopping';
    starting.abort();
    service.stopping();
    void release(exitCode);
  };

  const release = async (exitCode: number): Promise<void> => {
    clearTimeout(firstWorkerTimer);
    watch.stop();
    xids.stop();
    gpus.stop();
    redisWatch.stop();
    recordRemoval.stop();
    orphanedJobs.stop();
    await fleet.stop(config.supervision.shutdownTimeoutMs);
    await Promise.all([dashboard.stop(), Promise.race([farewell(), sleep(FAREWELL_TIMEOUT_MS)])]);
    commands.stop();
    redis.disconnect();
    service.stop();
    settle(exitCode);
  };

  const farewell = async (): Promise<void> => {
    if (!redisIsUp()) {
      if (hasLease)
        logger.warn('Redis is unreachable: cannot write the last records; the lease expires by itself');
      return;
    }
    try {
      // It may have taken the lease after all.
      await leaseAttempt.catch(() => undefined);
      await recovery.settled();
      if (hasLease) await heartbeat.stop();
    } catch (error) {
      logger.warn(`Cannot write the last records; the lease expires by itself: ${messageOf(error)}`);
    }
  };

  start().catch((error: unknown) => {
    if (phase !== 'starting') return;
    logger.fatal(messageOf(error));
    stop(error instanceof StartupError ? error.exitCode : EXIT_CODES.crash);
  });

  return {
    roll,
    setQuiet: fleet.setQuiet,
    stop: () => stop(EXIT_CODES.ok),
    stopped,
  };
}
