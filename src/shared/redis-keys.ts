/** The names of all our Redis keys and channels, except BullMQ's. */

/** Hash: worker id -> {@link import('./worker-record.js').WorkerRecord} as JSON. Read by the portal. */
export const WORKERS_KEY = 'workers';

/** String `1` while this worker is paused. The portal writes it. */
export function workerPausedKey(workerId: string): string {
  return `worker:${workerId}:paused`;
}

/** String with an expiry: the supervisor that holds this machine's lease, as JSON. */
export function supervisorLeaseKey(hostname: string): string {
  return `worker:${hostname}:supervisor`;
}

/** String with an expiry: number of children that crashed while they ran this job. */
export function jobCrashesKey(queueName: string, jobId: string): string {
  return `worker:crashes:${queueName}:${jobId}`;
}

/** Pub/sub channel: a message is the id of a running job to cancel. */
export function cancelChannel(queueName: string): string {
  return `worker:cancel:${queueName}`;
}

/** Pub/sub channel: a message is the id of a worker to restart, or empty to restart all workers one by one. */
export function restartChannel(hostname: string): string {
  return `worker:restart:${hostname}`;
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

/** Pub/sub channel: a message is the folder or photo (below `GALLERY_DIR`) whose faces were deleted, empty for all. */
export const FORGOTTEN_CHANNEL = 'face-index:forgotten';
