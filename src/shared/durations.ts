/** Upper bounds (seconds, inclusive) of the buckets in which durations are counted; a last one takes what is longer. */
export const DURATION_BOUNDS_S: readonly number[] = [
  0.005, 0.01, 0.02, 0.03, 0.05, 0.075, 0.1, 0.15, 0.2, 0.3, 0.5, 0.75, 1, 1.5, 2, 3, 5, 10, 20, 30, 60, 300,
];

/** Durations as counts a bucket: what many workers can send cheaply, and what adds up. */
export interface Histogram {
  /** One for each bound, and one for what is longer than all of them. */
  readonly counts: readonly number[];
  /** Of all durations, in seconds. */
  readonly sum: number;
}

/**
 * The parts of a search: `wait` until a worker takes it, `selfie` until its face is embedded,
 * `gallery` until it is compared, `run` the two together with what lies between them, `total` from the portal's
 * adding it to the result, indexing included. Of a search that ran several times, all but
 * `total` are of the last run; its `wait` then holds the time that indexing took.
 */
export const SEARCH_STAGES = ['wait', 'selfie', 'gallery', 'run', 'total'] as const;
export type SearchStage = (typeof SEARCH_STAGES)[number];

/** Seconds. */
export type SearchDurations = Readonly<Record<SearchStage, number>>;
export type SearchHistograms = Readonly<Record<SearchStage, Histogram>>;

export const NO_DURATIONS: Histogram = { counts: DURATION_BOUNDS_S.map(() => 0).concat(0), sum: 0 };

export const NO_SEARCHES: SearchHistograms = mapStages(() => NO_DURATIONS);

export function observeSearch(histograms: SearchHistograms, durations: SearchDurations): SearchHistograms {
  return mapStages((stage) => observe(histograms[stage], durations[stage]));
}

export function addHistograms(a: Histogram, b: Histogram): Histogram {
  return { counts: a.counts.map((count, i) => count + (b.counts[i] ?? 0)), sum: a.sum + b.sum };
}

/** What was counted since `before`; everything where `before` is of a supervisor that has started anew since. */
export function sinceHistogram(before: Histogram, now: Histogram): Histogram {
  const counts = now.counts.map((count, i) => count - (before.counts[i] ?? 0));
  return counts.some((count) => count < 0) ? now : { counts, sum: Math.max(0, now.sum - before.sum) };
}

export function countOf({ counts }: Histogram): number {
  return counts.reduce((sum, count) => sum + count, 0);
}

/**
 * The duration (s) below which the share `q` (0..1) of all lies, taken as evenly spread within a bucket, as
 * Prometheus' `histogram_quantile` does. `null` where nothing was counted; the last bound for what is above it.
 */
export function quantileOf(histogram: Histogram, q: number): number | null {
  const total = countOf(histogram);
  if (total === 0) return null;
  const rank = q * total;
  let below = 0;
  for (const [i, upper] of DURATION_BOUNDS_S.entries()) {
    const inside = histogram.counts[i] ?? 0;
    if (inside > 0 && below + inside >= rank) {
      const lower = DURATION_BOUNDS_S[i - 1] ?? 0;
      return lower + (upper - lower) * ((rank - below) / inside);
    }
    below += inside;
  }
  return DURATION_BOUNDS_S.at(-1) ?? null;
}

function observe({ counts, sum }: Histogram, seconds: number): Histogram {
  const found = DURATION_BOUNDS_S.findIndex((bound) => seconds <= bound);
  const bucket = found === -1 ? DURATION_BOUNDS_S.length : found;
  return { counts: counts.map((count, i) => (i === bucket ? count + 1 : count)), sum: sum + seconds };
}

function mapStages(valueOf: (stage: SearchStage) => Histogram): SearchHistograms {
  return {
    wait: valueOf('wait'),
    selfie: valueOf('selfie'),
    gallery: valueOf('gallery'),
    run: valueOf('run'),
    total: valueOf('total'),
  };
}
