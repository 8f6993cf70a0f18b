import { randomUUID } from 'node:crypto';
import { Queue, QueueEvents } from 'bullmq';
import { type EmbedJob, type EmbedRequest, parseEmbedAnswer } from '../shared/embed-job.js';
import { embeddingFromText } from '../shared/embedding-text.js';
import { messageOf } from '../shared/errors.js';
import { duplicateRedis } from '../shared/open-redis.js';
import { embedKey } from '../shared/redis-keys.js';
import type { Connection } from './connect.js';

const WAIT_S = 120;
/** If this process is killed, Redis itself deletes the selfies and the embedding after this time. */
const EXPIRE_S = WAIT_S + 30;
const KEEP_JOB = { age: 60 };

export interface EmbeddedSelfies {
  /** L2-normalised float32 [embeddingSize]. */
  readonly embedding: Float32Array;
  /** How the face was chosen, and what is wrong with it. */
  readonly notes: readonly string[];
}

/**
 * Has a worker embed the selfies of one person. Nothing of them stays in Redis.
 *
 * @param selfies base64
 * @param pack key of the model pack
 * @throws {Error} the selfies cannot be used, or no worker has answered in time
 */
export async function embedSelfies(
  { config, redis }: Connection,
  selfies: readonly string[],
  pack: string,
): Promise<EmbeddedSelfies> {
  const { name, prefix } = config.queue;
  const id = randomUUID();
  const queue = new Queue(name, { connection: redis, prefix });
  const events = new QueueEvents(name, { connection: duplicateRedis(redis), prefix });
  await events.waitUntilReady();
  const request: EmbedRequest = { selfies: [...selfies] };
  await redis.set(embedKey(id), JSON.stringify(request), 'EX', EXPIRE_S);
  const data: EmbedJob = { embed: id, pack };
  // Portals read the other fields of every job in the queue. The job goes first, because a person waits for it.
  const job = await queue.add(
    'embed-selfies',
    { ...data, uid: 'command-line', stage: '', timestamp: Date.now() },
    { lifo: true, removeOnComplete: KEEP_JOB, removeOnFail: KEEP_JOB },
  );
  try {
    await job.waitUntilFinished(events, WAIT_S * 1000).catch(async (error: unknown) => {
      if (await job.isFailed()) throw error;
      throw new Error(
        `No worker has embedded the selfie within ${WAIT_S} s (${messageOf(error)}). Check with "face-search status" that a worker is online and not paused.`,
        { cause: error },
      );
    });
    const answer = parseEmbedAnswer(await redis.getdel(embedKey(id)));
    if (answer === null) throw new Error('The worker has left no embedding of the selfie. Try again.');
    return { embedding: embeddingFromText(answer.embedding), notes: answer.notes };
  } finally {
    await redis.del(embedKey(id));
    // A worker that still runs it removes it at its end.
    await job.remove().catch(() => {});
    await events.close();
  }
}
