import type { Redis } from 'ioredis';
import { type ExpansionRule, expandProbe } from '../expand-probe.js';
import { cosineOf } from './fixed-point.js';
import type { Person, PersonProbe } from './opt-outs.js';
import { decodePhoto } from './photo-record.js';
import { scanPhotos } from './scan-photos.js';

export interface FindPersonOptions {
  /** Of a selfie. */
  readonly probe: PersonProbe;
  readonly packKey: string;
  readonly rule: ExpansionRule;
  /** Called with the number of photos that were read. */
  readonly onRead?: (photos: number) => void;
}

/**
 * Describes the person of a selfie as a search does, which expands its probe with confident matches: otherwise a search
 * would still find some of the photos that a deletion misses.
 */
export async function findPerson(
  redis: Redis,
  { probe, packKey, rule, onRead = () => {} }: FindPersonOptions,
): Promise<Person> {
  const confident: { readonly cosine: number; readonly embedding: Int16Array }[] = [];
  for await (const photos of scanPhotos(redis, packKey, onRead)) {
    for (const { record } of photos) {
      const photo = decodePhoto(record, probe.embedding.length);
      if (photo?.kind !== 'faces') continue;
      const [best] = photo.faces
        .map(({ embedding }) => ({ cosine: cosineOf(probe.embedding, embedding), embedding }))
        .toSorted((a, b) => b.cosine - a.cosine);
      if (best !== undefined && best.cosine >= rule.confidentCosine) confident.push(best);
    }
  }
  const expanded = expandProbe(probe.embedding, confident, rule, (match) =>
    Float32Array.from(match.embedding),
  );
  if (expanded === null) return { packKey, probes: [probe] };
  const { embedding, scale } = expanded;
  return { packKey, probes: [probe, { embedding, minCosine: probe.minCosine / scale }] };
}
