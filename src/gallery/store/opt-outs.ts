import { randomUUID } from 'node:crypto';
import type { Redis } from 'ioredis';
import { z } from 'zod';
import { embeddingFromText, embeddingToText } from '../../shared/embedding-text.js';
import { OPT_OUTS_KEY, OPT_OUTS_VERSION_KEY } from '../../shared/redis-keys.js';
import { cosineOf } from './fixed-point.js';
import type { FaceRecord, PhotoRecord } from './photo-record.js';

/** Every face that is indexed is compared with all of them: 5 ms a face at this bound. */
const MAX_ENTRIES = 10_000;

const storedOptOut = z.object({
  packKey: z.string(),
  /** See `embedding-text.ts`. */
  embedding: z.string(),
  minCosine: z.number(),
  addedMs: z.number(),
});

/** A person, known only by an embedding. */
export interface Person {
  /** The model pack that the embedding belongs to. Faces of other packs cannot be compared with it. */
  readonly packKey: string;
  /** A face is that of the person from this cosine similarity on. */
  readonly minCosine: number;
  /** L2-normalised float32 [embeddingSize]. */
  readonly embedding: Float32Array;
}

/** A person whose faces are kept out of the index. */
export interface OptOut extends Person {
  readonly id: string;
  /** Milliseconds since 1970. */
  readonly addedMs: number;
}

/** The list of people who have opted out, in Redis. It never expires. */
export interface OptOuts {
  list(): Promise<OptOut[]>;
  /**
   * @returns the entry, which may be an earlier one with the same embedding
   * @throws {Error} the list is full
   */
  add(person: Person): Promise<OptOut>;
  /** @returns `null` if there is no such entry */
  remove(id: string): Promise<OptOut | null>;
  /** Grows with every change of the list. */
  version(): Promise<string>;
}

export function createOptOuts(redis: Redis): OptOuts {
  const list = async (): Promise<OptOut[]> =>
    Object.entries(await redis.hgetall(OPT_OUTS_KEY))
      .flatMap(([id, text]) => parse(id, text))
      .toSorted((a, b) => a.addedMs - b.addedMs);

  return {
    list,
    add: async ({ packKey, minCosine, embedding }) => {
      const text = embeddingToText(embedding);
      const entries = await list();
      const known = entries.find(
        (entry) =>
          entry.packKey === packKey &&
          entry.minCosine === minCosine &&
          embeddingToText(entry.embedding) === text,
      );
      if (known !== undefined) return known;
      if (entries.length >= MAX_ENTRIES) {
        throw new Error(`The opt-out list has ${MAX_ENTRIES} entries, which is the most it can have.`);
      }
      const entry = { id: randomUUID().slice(0, 8), packKey, addedMs: Date.now(), minCosine, embedding };
      const stored = { packKey, embedding: text, minCosine, addedMs: entry.addedMs };
      await redis.hset(OPT_OUTS_KEY, entry.id, JSON.stringify(stored));
      await redis.incr(OPT_OUTS_VERSION_KEY);
      return entry;
    },
    remove: async (id) => {
      const text = await redis.hget(OPT_OUTS_KEY, id);
      const [entry] = text === null ? [] : parse(id, text);
      if (entry === undefined) return null;
      await redis.hdel(OPT_OUTS_KEY, id);
      await redis.incr(OPT_OUTS_VERSION_KEY);
      return entry;
    },
    version: async () => (await redis.get(OPT_OUTS_VERSION_KEY)) ?? '0',
  };
}

function parse(id: string, text: string): OptOut[] {
  try {
    const { embedding, ...rest } = storedOptOut.parse(JSON.parse(text));
    return [{ id, ...rest, embedding: embeddingFromText(embedding) }];
  } catch {
    // Another program wrote it.
    return [];
  }
}

function isFaceOf({ embedding, minCosine }: Person, face: FaceRecord): boolean {
  return face.embedding.length === embedding.length && cosineOf(embedding, face.embedding) >= minCosine;
}

/** A photo without the faces of these people. The same object if it shows none of them. */
export function withoutPeople(photo: PhotoRecord, people: readonly Person[]): PhotoRecord {
  if (photo.kind === 'broken') return photo;
  const faces = photo.faces.filter((face) => !people.some((person) => isFaceOf(person, face)));
  return faces.length === photo.faces.length ? photo : { ...photo, faces, withheld: true };
}
