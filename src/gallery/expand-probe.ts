import type { Calibration } from '../shared/calibration.js';

/**
 * Query expansion: confident matches of a first pass join the probe of a second one (Chum et al., "Total Recall:
 * Automatic Query Expansion with a Generative Feature Model for Object Retrieval", 2007). docs/engine-figures.md has the
 * figures of the variants that were tried.
 */
export interface ExpansionRule {
  /** Cosine similarity from which on a match is confident: that of a false match rate of 1e-5. */
  readonly confidentCosine: number;
  /** Mean cosine similarity that a confident match must have with the others: that of a false match rate of 1e-4. */
  readonly agreeingCosine: number;
}

/** In the calibration of every pack the scores 0.5 and 0.6 stand for false match rates of 1e-4 and 1e-5. */
export function expansionRuleOf({ cosineOf }: Pick<Calibration, 'cosineOf'>): ExpansionRule {
  return { confidentCosine: cosineOf(0.6), agreeingCosine: cosineOf(0.5) };
}

const MAX_JOINED = 10;
/** Faces that are this similar are of the same shot, which says nothing new: the selfie's own file, copies of a photo. */
const SAME_SHOT_COSINE = 0.98;
/**
 * How far the mean is scaled back to length 1. At 1 a second pass finds three times as many strangers at the same
 * cosine; at this value as many as a pass without expansion, so that the calibration holds for both.
 */
const NORMALISATION = 0.5;

export interface ExpandedSearch<M> {
  readonly matches: readonly M[];
  /** Matches that joined the probe; 0 where there was no second pass. */
  readonly expandedBy: number;
}

export interface ExpandedProbe {
  /** L2-normalised float32 [embeddingSize]. */
  readonly embedding: Float32Array;
  /** A cosine with it, times this, means the same as a cosine with the first probe. */
  readonly scale: number;
}

/**
 * Searches with a probe, and again with the expanded one if there are confident matches.
 *
 * @param probe L2-normalised float32 [embeddingSize]
 * @param rule `null` searches once
 * @param scan returns at most one match a photo
 * @param embeddingOf of any length but 0: float32 [embeddingSize]
 */
export function searchExpanded<M extends { readonly cosine: number }>(
  probe: Float32Array,
  minCosine: number,
  rule: ExpansionRule | null,
  scan: (probe: Float32Array, minCosine: number) => readonly M[],
  embeddingOf: (match: M) => Float32Array,
): ExpandedSearch<M> {
  if (rule === null) return { matches: scan(probe, minCosine), expandedBy: 0 };
  const first = scan(probe, Math.min(minCosine, rule.confidentCosine));
  const joined = selectJoined(first, rule, embeddingOf);
  if (joined.length === 0) {
    return { matches: first.filter(({ cosine }) => cosine >= minCosine), expandedBy: 0 };
  }
  const expanded = joinProbe(probe, joined);
  const cosineOf = createJudge(probe, joined);
  const matches = scan(expanded.embedding, minCosine / expanded.scale)
    .map((match) => {
      const cosine = match.cosine * expanded.scale;
      // Matches that are part of the probe are above this.
      if (cosine < rule.confidentCosine) return { ...match, cosine };
      return { ...match, cosine: cosineOf(toUnit(embeddingOf(match))) ?? cosine };
    })
    .filter(({ cosine }) => cosine >= minCosine);
  return { matches, expandedBy: joined.length };
}

/**
 * A match that joined the probe would raise its own cosine: it is compared with the probe without it. The selfie's own
 * file is compared with the selfie.
 *
 * @returns a function that takes a unit vector, and returns `null` for a shot that is not part of the probe
 */
function createJudge(
  probe: Float32Array,
  joined: readonly Joined[],
): (embedding: Float32Array) => number | null {
  const probesWithout = joined.map((one) =>
    joinProbe(
      probe,
      joined.filter((other) => other !== one),
    ),
  );
  return (embedding) => {
    const withSelfie = dot(probe, embedding);
    if (withSelfie >= SAME_SHOT_COSINE) return withSelfie;
    const own = joined.findIndex((one) => dot(one.embedding, embedding) >= SAME_SHOT_COSINE);
    const without = probesWithout[own];
    return without === undefined ? null : dot(without.embedding, embedding) * without.scale;
  };
}

interface Joined {
  readonly cosine: number;
  /** Length 1. */
  readonly embedding: Float32Array;
}

/** The best confident matches that agree with each other, so that a stranger among them does not pull the probe away. */
function selectJoined<M extends { readonly cosine: number }>(
  matches: readonly M[],
  { confidentCosine, agreeingCosine }: ExpansionRule,
  embeddingOf: (match: M) => Float32Array,
): Joined[] {
  const confident = matches
    .filter(({ cosine }) => cosine >= confidentCosine && cosine < SAME_SHOT_COSINE)
    .toSorted((a, b) => b.cosine - a.cosine);
  const candidates: Joined[] = [];
  for (const match of confident) {
    if (candidates.length === MAX_JOINED) break;
    const embedding = toUnit(embeddingOf(match));
    if (candidates.some((other) => dot(other.embedding, embedding) >= SAME_SHOT_COSINE)) continue;
    candidates.push({ cosine: match.cosine, embedding });
  }
  if (candidates.length === 1) return candidates;
  return candidates.filter((candidate) => {
    const others = candidates.filter((other) => other !== candidate);
    const sum = others.reduce((total, other) => total + dot(candidate.embedding, other.embedding), 0);
    return sum / others.length >= agreeingCosine;
  });
}

/**
 * The probe of a second pass.
 *
 * @param matches of the first pass, at most one a photo
 * @returns `null` if no match is confident
 */
export function expandProbe<M extends { readonly cosine: number }>(
  probe: Float32Array,
  matches: readonly M[],
  rule: ExpansionRule,
  embeddingOf: (match: M) => Float32Array,
): ExpandedProbe | null {
  const joined = selectJoined(matches, rule, embeddingOf);
  return joined.length === 0 ? null : joinProbe(probe, joined);
}

/** The weighted mean of the probe and the matches. */
function joinProbe(probe: Float32Array, joined: readonly Joined[]): ExpandedProbe {
  const mean = Float32Array.from(probe);
  let weights = 1;
  for (const { cosine, embedding } of joined) {
    const weight = cosine ** 2;
    weights += weight;
    for (let i = 0; i < mean.length; i += 1) mean[i] = (mean[i] ?? 0) + weight * (embedding[i] ?? 0);
  }
  const length = lengthOf(mean) / weights;
  return { embedding: toUnit(mean), scale: length ** (1 - NORMALISATION) };
}

function toUnit(vector: Float32Array): Float32Array {
  const length = lengthOf(vector);
  const unit = new Float32Array(vector.length);
  for (let i = 0; i < unit.length; i += 1) unit[i] = (vector[i] ?? 0) / length;
  return unit;
}

function lengthOf(vector: Float32Array): number {
  return Math.sqrt(dot(vector, vector));
}

function dot(a: Float32Array, b: Float32Array): number {
  let sum = 0;
  for (let i = 0; i < a.length; i += 1) sum += (a[i] ?? 0) * (b[i] ?? 0);
  return sum;
}
