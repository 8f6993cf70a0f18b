import type { Queue } from 'bullmq';
import type { Redis } from 'ioredis';
import { embeddingFromText, embeddingToText } from '../../shared/embedding-text.js';
import { savedProbeKey } from '../../shared/redis-keys.js';
import type { SelfieProbe } from './selfie-probe.js';

/** Longer than a search waits for its index. Each round renews it. */
const EXPIRE_S = 3600;

/** Stored for a search that waits for its index, so that its next start need not analyze the selfie again. */
export interface SavedProbe {
  readonly probe: SelfieProbe;
  /** How often the search has waited. */
  readonly rounds: number;
}

export interface SavedProbes {
  /** @returns `null` also for a probe of another model pack */
  read(jobId: string): Promise<SavedProbe | null>;
  write(jobId: string, saved: SavedProbe): Promise<void>;
  remove(jobId: string): Promise<void>;
}

interface Stored extends Omit<SelfieProbe, 'embedding'> {
  readonly packKey: string;
  readonly rounds: number;
  /** See `embedding-text.ts`. */
  readonly embedding: string;
}

export function createSavedProbes(
  redis: Redis,
  searchQueue: Pick<Queue, 'toKey'>,
  packKey: string,
): SavedProbes {
  const keyOf = (jobId: string): string => savedProbeKey(searchQueue.toKey(''), jobId);
  return {
    read: async (jobId) => {
      const text = await redis.get(keyOf(jobId));
      if (text === null) return null;
      const { packKey: storedPack, rounds, embedding, ...rest } = JSON.parse(text) as Stored;
      if (storedPack !== packKey) return null;
      return { rounds, probe: { ...rest, embedding: embeddingFromText(embedding) } };
    },
    write: async (jobId, { probe, rounds }) => {
      const { embedding, ...rest } = probe;
      const stored: Stored = { ...rest, packKey, rounds, embedding: embeddingToText(embedding) };
      await redis.set(keyOf(jobId), JSON.stringify(stored), 'EX', EXPIRE_S);
    },
    remove: async (jobId) => {
      await redis.del(keyOf(jobId));
    },
  };
}
