import { z } from 'zod';
import { MAX_PACK_LENGTH } from './index-batch.js';

const embedJob = z.object({
  /** Names the key with the selfies (`embedKey`). */
  embed: z.string().min(1).max(64),
  /** Key of the model pack to use (`packKey`). */
  pack: z.string().min(1).max(MAX_PACK_LENGTH),
});

const embedRequest = z.object({ selfies: z.array(z.string().min(1)).min(1) });

const embedAnswer = z.object({
  /** See `embedding-text.ts`. */
  embedding: z.string(),
  notes: z.array(z.string()),
});

/**
 * Data of a job of the search queue: a worker of the pack embeds the selfies of one person for the command line. The
 * selfies are not part of it, because BullMQ keeps the data of a job until the job is removed. They are in a key that
 * expires, and the answer replaces them there.
 */
export type EmbedJob = Readonly<z.infer<typeof embedJob>>;

/** The selfies of one person, base64. */
export type EmbedRequest = Readonly<z.infer<typeof embedRequest>>;

export interface EmbedAnswer extends Readonly<z.infer<typeof embedAnswer>> {
  /** How the face was chosen, and what is wrong with it, for a person. */
  readonly notes: string[];
}

/** @returns `null` for a search */
export function parseEmbedJob(data: unknown): EmbedJob | null {
  return embedJob.safeParse(data).data ?? null;
}

/** @returns `null` for a value that has expired */
export function parseEmbedRequest(text: string | null): EmbedRequest | null {
  return embedRequest.safeParse(parse(text)).data ?? null;
}

export function parseEmbedAnswer(text: string | null): EmbedAnswer | null {
  return embedAnswer.safeParse(parse(text)).data ?? null;
}

function parse(text: string | null): unknown {
  try {
    return JSON.parse(text ?? 'null');
  } catch {
    return null;
  }
}
