/** @typedef {{ cosine: number, same: boolean }} Scored */

/**
 * LFW's protocol (Huang et al., 2007): each fold is judged by the best threshold of the other folds.
 *
 * @param {readonly (readonly Scored[])[]} folds at least two
 * @returns {{ accuracy: number, spread: number, thresholds: number[] }} mean and standard deviation over the folds (0..1)
 */
export function crossValidate(folds) {
  const thresholds = folds.map((fold) => bestThreshold(folds.filter((other) => other !== fold).flat()));
  const accuracies = folds.map((fold, i) => accuracyAt(fold, thresholds[i] ?? 0));
  const accuracy = mean(accuracies);
  const spread = Math.sqrt(mean(accuracies.map((value) => (value - accuracy) ** 2)));
  return { accuracy, spread, thresholds };
}

/**
 * The threshold that classifies most pairs correctly: the middle between the two neighbouring cosines.
 *
 * @param {readonly Scored[]} pairs
 */
export function bestThreshold(pairs) {
  const sorted = pairs.toSorted((a, b) => b.cosine - a.cosine);
  const negatives = sorted.filter(({ same }) => !same).length;
  let [right, best, threshold] = [negatives, negatives, 1];
  for (const [i, { cosine, same }] of sorted.entries()) {
    right += same ? 1 : -1;
    if (right <= best) continue;
    best = right;
    threshold = (cosine + (sorted[i + 1]?.cosine ?? -1)) / 2;
  }
  return threshold;
}

/** @param {readonly Scored[]} pairs @param {number} threshold */
export function accuracyAt(pairs, threshold) {
  return pairs.filter(({ cosine, same }) => cosine >= threshold === same).length / pairs.length;
}

/**
 * Cosines of all pairs of different people, in descending order.
 *
 * @param {readonly { person: string, embedding: Float32Array }[]} faces
 */
export function impostorCosines(faces) {
  const cosines = new Float32Array((faces.length * (faces.length - 1)) / 2);
  let count = 0;
  for (const [i, a] of faces.entries()) {
    for (let j = i + 1; j < faces.length; j += 1) {
      const b = /** @type {typeof a} */ (faces[j]);
      if (a.person !== b.person) cosines[count++] = dot(a.embedding, b.embedding);
    }
  }
  return cosines.subarray(0, count).toSorted().toReversed();
}

/**
 * The lowest cosine that at most this share of the impostors reach.
 *
 * @param {Float32Array} impostors in descending order
 * @param {number} falseMatchRate
 * @returns {number | null} `null` if there are too few impostors
 */
export function thresholdAt(impostors, falseMatchRate) {
  const allowed = Math.floor(impostors.length * falseMatchRate);
  // Fewer than ten are not enough for a rate.
  if (allowed < 10) return null;
  return /** @type {number} */ (impostors[allowed - 1]);
}

/** @param {Float32Array} a @param {Float32Array} b */
export function dot(a, b) {
  let sum = 0;
  for (let i = 0; i < a.length; i += 1) sum += (a[i] ?? 0) * (b[i] ?? 0);
  return sum;
}

/** @param {readonly number[]} values */
function mean(values) {
  return values.reduce((total, value) => total + value, 0) / values.length;
}
