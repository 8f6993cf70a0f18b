/** The names of all our Redis keys and channels, except BullMQ's. */

/** Hash: worker id -> {@link import('./worker-record.js').WorkerRecord} as JSON. Read by the portal. */
export const WORKERS_KEY = 'workers';

/** String `1` while this worker is paused. The portal writes it. */
export function workerPausedKey(workerId: string): string {
  return `worker:${workerId}:paused`;
}

/**
 * String with an expiry: the supervisor that holds this machine's lease, as JSON. The braces put it on the same server of a
 * cluster as the hash `workers`, because one script writes both.
 */
export function supervisorLeaseKey(hostname: string): string {
  return `worker:{${WORKERS_KEY}}:${hostname}:supervisor`;
}

/**
 * String with an expiry: number of children and threads that died while they ran this job.
 *
 * @param queueName qualified: `<prefix>:<name>`
 */
export function jobCrashesKey(queueName: string, jobId: string): string {
  return `worker:crashes:${queueName}:${jobId}`;
}

/** String: the time (ms since 1970) up to which the selfies of the ended jobs of this (qualified) queue are deleted. */
export function selfiesSweptKey(queueName: string, state: 'completed' | 'failed'): string {
  return `worker:selfies-swept:${queueName}${state === 'failed' ? '' : `:${state}`}`;
}

/** String with an expiry: a worker has just deleted, or is deleting, the selfies of this (qualified) queue. */
export function selfieSweepKey(queueName: string): string {
  return `worker:selfie-sweep:${queueName}`;
}

/** A queue, and the Redis database that it is in. */
export interface QueueAddress {
  readonly db: number;
  readonly prefix: string;
  readonly name: string;
}

/** Pub/sub channel: a message is the id of a running job to cancel. Channels are shared by all databases of a Redis. */
export function cancelChannel({ db, prefix, name }: QueueAddress): string {
  return `worker:cancel:${db}:${prefix}:${name}`;
}

/** Pub/sub channel: a message is the id of a worker to restart, or empty to restart all workers one by one. */
export function restartChannel(hostname: string, { db, prefix }: Omit<QueueAddress, 'name'>): string {
  return `worker:restart:${db}:${prefix}:${hostname}`;
}

/** Prefix of all keys of the gallery index. */
export const INDEX_KEYS = 'face-index:';

/** String: a photo's faces (`src/gallery/store/photo-record.ts`), by model pack and content hash. */
export function photoKey(packKey: string, contentHash: string): string {
  return `${INDEX_KEYS}${packKey}:${contentHash}`;
}

/** Hash of a folder below `GALLERY_DIR`: file name -> size, time of change and content hash of the photo. */
export function filesKey(folder: string): string {
  return `${INDEX_KEYS}files:${folder}`;
}

/** Set: folders below `GALLERY_DIR` with indexed photos (`src/gallery/store/stage-index.ts`). */
export const INDEXED_FOLDERS_KEY = 'worker:indexed-folders';

/** Stream: the last photos that were forgotten. Its name keeps it out of `INDEX_KEYS`, which `forget all` deletes. */
export const FORGOTTEN_LOG_KEY = 'worker:forgotten';

/** Pub/sub channel: a message means that the stream of forgotten photos has a new entry. */
export const FORGOTTEN_CHANNEL = 'face-index:forgotten';

/** Keys of the plans of an index queue, below the queue's own prefix so that all share its hash slot. */
export interface IndexPlanKeys {
  /** Set: names (`<pack>:<stage>`) of the plans that are not done. */
  readonly plans: string;
  /** Hash: photos, done photos and time of the last change of a plan, after its name. */
  readonly plan: string;
  /** Set: ids of the batches that a plan waits for, after its name. */
  readonly batches: string;
  /** Set: ids of the searches that wait for a plan, after its name. */
  readonly searches: string;
}

/** @param queueKey prefix of BullMQ's keys of the index queue */
export function indexPlanKeys(queueKey: string): IndexPlanKeys {
  return {
    plans: `${queueKey}plans`,
    plan: `${queueKey}plan:`,
    batches: `${queueKey}plan-batches:`,
    searches: `${queueKey}plan-searches:`,
  };
}

/** String with an expiry: the selfie probe of a search that waits for its index. */
export function savedProbeKey(searchQueueKey: string, jobId: string): string {
  return `${searchQueueKey}probe:${jobId}`;
}

/** Hash: path below `GALLERY_DIR` -> {@link import('../gallery/store/bad-photos.js').BadPhoto} as JSON. */
export const BAD_PHOTOS_KEY = 'face-index:bad-photos';

/** Hash: id -> person who has opted out (`src/gallery/store/opt-outs.ts`). Its name keeps it out of `INDEX_KEYS`. */
export const OPT_OUTS_KEY = 'worker:opt-outs';

/** String: a number that grows with every change of the opt-outs. */
export const OPT_OUTS_VERSION_KEY = 'worker:opt-outs:version';

/** String with an expiry: selfies to embed, or their embedding (`src/shared/embed-job.ts`). */
export function embedKey(id: string): string {
  return `worker:embed:${id}`;
}
