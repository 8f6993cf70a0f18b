import type { Job } from 'bullmq';
import type { Redis } from 'ioredis';
import { type EmbedAnswer, type EmbedJob, parseEmbedRequest } from '../../shared/embed-job.js';
import { embeddingToText } from '../../shared/embedding-text.js';
import { JobError } from '../../shared/errors.js';
import type { SearchResult } from '../../shared/job.js';
import { embedKey } from '../../shared/redis-keys.js';
import type { Engine } from '../engine/engine.js';
import { returnToOtherPack } from '../jobs/other-pack.js';
import type { WorkResult } from '../jobs/job-runner.js';
import { untilStopped } from '../jobs/running-job.js';
import { createSelfieProbe } from './selfie-probe.js';

/**
 * Embeds selfies for the command line. The embedding replaces the selfies in their key. It is not the job's result,
 * because BullMQ also keeps results in the stream of its events.
 *
 * @throws {JobError} `INVALID_IMAGE`, `NO_FACE_DETECTED`, or `INVALID_JOB` if the selfies have expired
 */
export async function runEmbedJob(
  job: Job,
  token: string,
  signal: AbortSignal,
  { embed, pack }: EmbedJob,
  { engine, redis }: { readonly engine: Engine; readonly redis: Redis },
): Promise<WorkResult<SearchResult>> {
  const request = parseEmbedRequest(await redis.get(embedKey(embed)));
  if (request === null) {
    throw new JobError('INVALID_JOB', 'The selfies have expired: the command line waits no longer.');
  }
  if (await returnToOtherPack(job, token, pack, engine.pack.key)) return { kind: 'moved' };
  const notes: string[] = [];
  const log = (line: string): void => void notes.push(line);
  const probe = await untilStopped(createSelfieProbe(request.selfies, { engine, signal, log }), signal);
  if (probe.hint !== null) notes.push(probe.hint);
  const answer: EmbedAnswer = { embedding: embeddingToText(probe.embedding), notes };
  await redis.set(embedKey(embed), JSON.stringify(answer), 'KEEPTTL', 'XX');
  return { kind: 'done', value: [] };
}
