import { createBlockPool } from '../../dist/gallery/matrix/block-pool.js';
import { createFaceMatrix } from '../../dist/gallery/matrix/face-matrix.js';
import { createProbe, PROBE_SCALE } from '../../dist/gallery/matrix/probe.js';
import { encodeRow, LEADING_OFFSET } from '../../dist/gallery/matrix/row-code.js';
import { toFixedPoint } from './search-vectors.mjs';

const BEST = 10;
const PROBES = 500;

/**
 * Searches real faces with some of them as probes, and compares the results with float64 arithmetic over all stored
 * embeddings.
 *
 * @param {readonly Float32Array[]} embeddings
 * @param {number} minCosine
 */
export function measureQuality(embeddings, minCosine) {
  const size = embeddings[0]?.length ?? 0;
  const stored = embeddings.map(toFixedPoint);
  const rows = stored.map(encode);
  const matrix = createFaceMatrix(createBlockPool(size));
  for (const embedding of stored) matrix.add(embedding);

  const found = {
    probes: 0,
    matches: 0,
    lost: 0,
    tooMany: 0,
    furthest: 0,
    rescored: 0,
    sameBest: 0,
    leadingError: 0,
  };
  const step = Math.max(1, Math.floor(embeddings.length / PROBES));
  for (let i = 0; i < embeddings.length; i += step) {
    const probe = createProbe(/** @type {Float32Array} */ (embeddings[i]), size);
    const exact = stored.map((embedding) => cosineOf(embedding, probe.unit));
    const expected = exact.filter((cosine) => cosine >= minCosine).length;
    const matches = matrix.search(/** @type {Float32Array} */ (embeddings[i]), minCosine);
    const right = matches.filter(({ row }) => (exact[row] ?? -1) >= minCosine).length;
    const leading = rows.map((row) => row.cosineOf(probe.unit));

    found.probes += 1;
    found.matches += expected;
    found.lost += expected - right;
    found.tooMany += matches.length - right;
    for (const { row, cosine } of matches) {
      found.furthest = Math.max(found.furthest, Math.abs(cosine - (exact[row] ?? Infinity)));
    }
    for (const [k, cosine] of leading.entries()) {
      found.leadingError = Math.max(found.leadingError, Math.abs(cosine - (exact[k] ?? Infinity)));
      if (cosine + (rows[k]?.slack ?? 0) + 1 / PROBE_SCALE >= minCosine) found.rescored += 1;
    }
    if (isSameSet(bestOf(leading), bestOf(exact))) found.sameBest += 1;
  }
  const slacks = rows.map(({ slack }) => slack).toSorted((a, b) => a - b);
  return { ...found, faces: rows.length, size, slack: slacks[slacks.length >> 1] ?? 0 };
}

/** @param {Int16Array} embedding */
function encode(embedding) {
  const leading = new Uint8Array(embedding.length);
  const { perLength, slack } = encodeRow(embedding, leading, new Uint8Array(embedding.length));
  /** The cosine by the leading bytes alone. @param {Float64Array} unit */
  const cosineOfLeading = (unit) =>
    perLength * leading.reduce((dot, byte, i) => dot + (256 * byte + LEADING_OFFSET) * (unit[i] ?? 0), 0);
  return { slack, cosineOf: cosineOfLeading };
}

/**
 * @param {Int16Array} embedding
 * @param {Float64Array} unit
 */
function cosineOf(embedding, unit) {
  let [dot, squares] = [0, 0];
  for (let i = 0; i < unit.length; i += 1) {
    const component = embedding[i] ?? 0;
    dot += component * (unit[i] ?? 0);
    squares += component * component;
  }
  return dot / Math.sqrt(squares);
}

/** @param {readonly number[]} cosines */
function bestOf(cosines) {
  const order = cosines.map((cosine, row) => ({ cosine, row })).toSorted((a, b) => b.cosine - a.cosine);
  return new Set(order.slice(0, BEST).map(({ row }) => row));
}

/**
 * @param {ReadonlySet<number>} a
 * @param {ReadonlySet<number>} b
 */
function isSameSet(a, b) {
  return a.size === b.size && [...a].every((item) => b.has(item));
}
