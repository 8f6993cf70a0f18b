/** Inclusive upper bounds of the histogram buckets, in seconds. One more bucket counts longer durations. */
export const DURATION_BOUNDS_S: readonly number[] = [
  0.005, 0.01, 0.02, 0.03, 0.05, 0.075, 0.1, 0.15, 0.2, 0.3, 0.5, 0.75, 1, 1.5, 2, 3, 5, 10, 20, 30, 60, 300,
];

/** Durations as counts per bucket: small to send, and easy to add up. */
export interface Histogram {
  /** One count per bound, and one for longer durations. */
  readonly counts: readonly number[];
  /** Sum of all durations, in seconds. */
  readonly sum: number;
}

/**
 * The parts of a search. `wait`: until a worker takes it. `selfie`: until the face is embedded. `gallery`: until it is
 * compared. `run`: both, and the time between them. `total`: from the job's creation to its result, with indexing.
 * If a search runs several times, only `total` covers all runs; the last run's `wait` includes the indexing.
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

/** The counts added since `before`, or all counts if the supervisor has restarted since. */
export function sinceHistogram(before: Histogram, now: Histogram): Histogram {
  const counts = now.counts.map((count, i) => count - (before.counts[i] ?? 0));
  return counts.some((count) => count < 0) ? now : { counts, sum: Math.max(0, now.sum - before.sum) };
}

export function countOf({ counts }: Histogram): number {
  return counts.reduce((sum, count) => sum + count, 0);
}

/**
 * The `q` quantile (0..1) in seconds, with durations spread evenly within each bucket, as in Prometheus'
 * `histogram_quantile`. `null` if the histogram is empty. Never above the last bound.
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
