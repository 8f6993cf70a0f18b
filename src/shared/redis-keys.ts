/** The names of every Redis key of our own. BullMQ's keys are BullMQ's business. */

/** Hash: worker id -> {@link import('./worker-record.js').WorkerRecord} as JSON. Read by the portal. */
export const WORKERS_KEY = 'workers';

/** String `1` while the portal wants this worker to take no jobs. */
export function workerPausedKey(workerId: string): string {
  return `worker:${workerId}:paused`;
}

/** String with an expiry: the supervisor that holds this machine's place, as JSON. */
export function supervisorLeaseKey(hostname: string): string {
  return `worker:${hostname}:supervisor`;
}

/** String with an expiry: how many children this job has killed. */
export function jobCrashesKey(queueName: string, jobId: string): string {
  return `worker:crashes:${queueName}:${jobId}`;
}

/** Pub/sub channel: a message is the id of a running job that is to end as `CANCELLED`. */
export function cancelChannel(queueName: string): string {
  return `worker:cancel:${queueName}`;
}
