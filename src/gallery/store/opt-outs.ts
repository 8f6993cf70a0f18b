import { randomUUID } from 'node:crypto';
import type { Redis } from 'ioredis';
import { z } from 'zod';
import { embeddingFromText, embeddingToText } from '../../shared/embedding-text.js';
import { OPT_OUTS_KEY, OPT_OUTS_VERSION_KEY } from '../../shared/redis-keys.js';
import { cosineOf } from './fixed-point.js';
import type { FaceRecord, PhotoRecord } from './photo-record.js';

/** Every face that is indexed is compared with all of them: 10 ms a face at this bound. */
const MAX_ENTRIES = 10_000;

const storedOptOut = z.object({
  packKey: z.string(),
  /** Embeddings as in `embedding-text.ts`. */
  probes: z.array(z.object({ embedding: z.string(), minCosine: z.number() })),
  addedMs: z.number(),
});

/** A person, known only by embeddings. */
export interface Person {
  /** The model pack that the embeddings belong to. Faces of other packs cannot be compared with them. */
  readonly packKey: string;
  /** A face is that of the person if it is similar to any of these. */
  readonly probes: readonly PersonProbe[];
}

export interface PersonProbe {
  /** L2-normalised float32 [embeddingSize]. */
  readonly embedding: Float32Array;
  /** Cosine similarity that a face must reach. */
  readonly minCosine: number;
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
   * @returns the entry, which may be an earlier one with the same embeddings
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
    add: async (person) => {
      const entries = await list();
      const known = entries.find((entry) => covers(entry, person));
      if (known !== undefined) return known;
      if (entries.length >= MAX_ENTRIES) {
        throw new Error(`The opt-out list has ${MAX_ENTRIES} entries, which is the most it can have.`);
      }
      const entry = { ...person, id: randomUUID().slice(0, 8), addedMs: Date.now() };
      await redis.hset(OPT_OUTS_KEY, entry.id, toText(entry));
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

function covers(entry: OptOut, { packKey, probes }: Person): boolean {
  const known = new Set(entry.probes.map((probe) => JSON.stringify(probeToText(probe))));
  return entry.packKey === packKey && probes.every((probe) => known.has(JSON.stringify(probeToText(probe))));
}

function toText({ packKey, probes, addedMs }: OptOut): string {
  return JSON.stringify({ packKey, probes: probes.map(probeToText), addedMs });
}

function probeToText({ embedding, minCosine }: PersonProbe) {
  return { embedding: embeddingToText(embedding), minCosine };
}

function parse(id: string, text: string): OptOut[] {
  try {
    const { packKey, probes, addedMs } = storedOptOut.parse(JSON.parse(text));
    return [
      {
        id,
        packKey,
        addedMs,
        probes: probes.map(({ embedding, minCosine }) => ({
          embedding: embeddingFromText(embedding),
          minCosine,
        })),
      },
    ];
  } catch {
    // Another program wrote it.
    return [];
  }
}

function isFaceOf({ probes }: Person, face: FaceRecord): boolean {
  return probes.some(
    ({ embedding, minCosine }) =>
      face.embedding.length === embedding.length && cosineOf(embedding, face.embedding) >= minCosine,
  );
}

/** A photo without the faces of these people. The same object if it shows none of them. */
export function withoutPeople(photo: PhotoRecord, people: readonly Person[]): PhotoRecord {
  if (photo.kind === 'broken') return photo;
  const faces = photo.faces.filter((face) => !people.some((person) => isFaceOf(person, face)));
  return faces.length === photo.faces.length ? photo : { ...photo, faces, withheld: true };
}
