import { describe, expect, test } from 'vitest';
import { createBlockPool } from '../../../src/gallery/matrix/block-pool.js';
import { createFaceMatrix, type FaceMatrix } from '../../../src/gallery/matrix/face-matrix.js';
import {
  cosine,
  gaussian,
  normalise,
  randomEmbedding,
  randomProbe,
  seededRandom,
  toFixedPoint,
} from './vectors.js';

// The sums of a scan and of the expectation are rounded in another order.
const ROUNDING = 1e-12;

const matrixOf = (embeddingSize: number): FaceMatrix => createFaceMatrix(createBlockPool(embeddingSize));

function fill(matrix: FaceMatrix, embeddings: readonly Int16Array[]): void {
  for (const [i, embedding] of embeddings.entries()) expect(matrix.add(embedding)).toBe(i);
}

/** Holds a search against the cosines of all rows by the book. */
function expectExact(
  matrix: FaceMatrix,
  embeddings: readonly Int16Array[],
  probe: Float32Array,
  minCosine: number,
): void {
  const exact = embeddings.map((embedding) => cosine(embedding, probe));
  const matches = matrix.search(probe, minCosine);
  const found = new Set(matches.map(({ row }) => row));
  expect(found.size).toBe(matches.length);

  const lost = exact.filter((it, row) => it >= minCosine + ROUNDING && !found.has(row));
  expect(lost).toEqual([]);
  const wrong = matches.filter(
    ({ row, cosine: it }) => it < minCosine || Math.abs(it - (exact[row] ?? Infinity)) > ROUNDING,
  );
  expect(wrong).toEqual([]);
}

describe('a search', () => {
  const sizes = [256, 512, 129, 1];
  const counts = [0, 1, 255, 256, 257, 1500];
  test.each(sizes.flatMap((size) => counts.map((count) => [count, size] as const)))(
    'in %i random faces of %i components is exact',
    (count, size) => {
      const random = seededRandom(1000 * size + count);
      const embeddings = Array.from({ length: count }, () => randomEmbedding(size, random));
      const matrix = matrixOf(size);
      fill(matrix, embeddings);
      expect(matrix.size).toBe(count);
      for (const minCosine of [-1, -0.05, 0, 0.1, 0.5, 1]) {
        expectExact(matrix, embeddings, randomProbe(size, random), minCosine);
      }
    },
  );

  test('in faces of the same people is exact', () => {
    const random = seededRandom(7);
    const people = Array.from({ length: 20 }, () => gaussian(256, random));
    const embeddings = Array.from({ length: 2000 }, (_, i) => {
      const noise = gaussian(256, random);
      const face = (people[i % 20] ?? []).map((component, k) => component + 0.7 * (noise[k] ?? 0));
      return toFixedPoint(normalise(face));
    });
    const matrix = matrixOf(256);
    fill(matrix, embeddings);
    for (const person of people) {
      const probe = Float32Array.from(person);
      expect(matrix.search(probe, 0.6)).toHaveLength(100);
      for (const minCosine of [0, 0.6, 0.8, 0.82]) expectExact(matrix, embeddings, probe, minCosine);
    }
  });

  test('has the cosine of the embedding with a probe of any length', () => {
    const matrix = matrixOf(2);
    matrix.add(Int16Array.of(3, 4));
    const [match] = matrix.search(Float32Array.of(100, 0), 0);
    expect(match?.row).toBe(0);
    expect(match?.cosine).toBeCloseTo(0.6, 14);
  });

  test('takes the cosine of zeros for 0', () => {
    const matrix = matrixOf(3);
    matrix.add(new Int16Array(3));
    expect(matrix.search(Float32Array.of(1, 0, 0), 0)).toEqual([{ row: 0, cosine: 0 }]);
    expect(matrix.search(Float32Array.of(1, 0, 0), 0.001)).toEqual([]);
  });

  test('refuses embeddings of another size', () => {
    const matrix = matrixOf(4);
    const refusal = new RangeError('Cannot use an embedding whose size is not 4: 3');
    expect(() => matrix.add(new Int16Array(3))).toThrow(refusal);
    expect(() => matrix.search(new Float32Array(3), 0)).toThrow(refusal);
    expect(matrix.size).toBe(0);
  });
});

/** Rows whose leading bytes contain as little as possible of their cosine with the probe. */
const hardRows: Readonly<Record<string, (probe: Float32Array, random: () => number) => Int16Array>> = {
  'a unit vector': ({ length }, random) => randomEmbedding(length, random),
  'near the probe': (probe, random) => {
    const noise = gaussian(probe.length, random);
    const spread = random() / Math.sqrt(probe.length);
    return toFixedPoint(normalise(Array.from(probe, (component, i) => component + spread * (noise[i] ?? 0))));
  },
  'one component': ({ length }, random) => {
    const row = new Int16Array(length);
    row[Math.floor(random() * length)] = random() < 0.5 ? 32_767 : -32_768;
    return row;
  },
  // Every trailing byte lies at the end where the probe adds most to the dot product that the scan cannot see.
  'all that is hidden counts for the probe': (probe, random) =>
    Int16Array.from(
      probe,
      (component) => 256 * Math.floor((random() - 0.5) * 256) + (component > 0 ? 255 : 0),
    ),
  'all that is hidden counts against the probe': (probe, random) =>
    Int16Array.from(
      probe,
      (component) => 256 * Math.floor((random() - 0.5) * 256) + (component > 0 ? 0 : 255),
    ),
  // Multiples of 256 from the middle of a byte; only the probe's rounding is left to lose a row.
  'nothing is hidden': (probe) => Int16Array.from(probe, (component) => 16_512 * Math.sign(component)),
  'signs of the probe': (probe) => Int16Array.from(probe, (component) => Math.sign(component)),
  'one large component among hidden ones': (probe, random) => {
    const row = Int16Array.from(probe, (component) => (component > 0 ? 127 : -128));
    row[Math.floor(random() * probe.length)] = 32_767;
    return row;
  },
};

const hardProbes: Readonly<Record<string, (size: number, random: () => number) => Float32Array>> = {
  random: randomProbe,
  'with equal components': (size, random) =>
    Float32Array.from({ length: size }, () => (random() < 0.5 ? -1 : 1)),
  'with one component': (size, random) => {
    const probe = new Float32Array(size);
    probe[Math.floor(random() * size)] = 1;
    return probe;
  },
};

describe.each(Object.entries(hardProbes))('with a probe %s', (_, createOne) => {
  test.each(Object.entries(hardRows))('no row is lost: %s', (__, createRow) => {
    for (let seed = 0; seed < 48; seed += 1) {
      const random = seededRandom(seed);
      const size = [1, 7, 128, 129, 256, 500, 512, 1024][seed % 8] ?? 1;
      const probe = createOne(size, random);
      const embeddings = Array.from({ length: 20 }, () => createRow(probe, random));
      const matrix = matrixOf(size);
      fill(matrix, embeddings);
      // Each row in turn is the last one to be let in.
      for (const embedding of embeddings) {
        expectExact(matrix, embeddings, probe, cosine(embedding, probe) - 2 * ROUNDING);
      }
    }
  });
});

describe('adding and removing', () => {
  test('keeps every embedding under its row', () => {
    const random = seededRandom(11);
    const matrix = matrixOf(33);
    const rows: Int16Array[] = [];
    for (let step = 0; step < 6000; step += 1) {
      // First mostly added, later mostly removed, so that it grows and shrinks.
      if (rows.length === 0 || random() < (step < 3000 ? 0.8 : 0.25)) {
        const embedding = randomEmbedding(33, random);
        rows.push(embedding);
        expect(matrix.add(embedding)).toBe(rows.length - 1);
      } else {
        const row = Math.floor(random() * rows.length);
        const last = rows.pop() as Int16Array;
        if (row < rows.length) rows[row] = last;
        expect(matrix.remove(row)).toBe(row < rows.length ? rows.length : null);
      }
      expect(matrix.size).toBe(rows.length);
      if (step % 500 === 0) expectExact(matrix, rows, randomProbe(33, random), 0.2);
    }
  });

  test('moves a row together with its factors', () => {
    const probe = new Float32Array(256).fill(1);
    const [nothingHidden, muchHidden] = [new Int16Array(256).fill(16_512), new Int16Array(256).fill(16_639)];
    muchHidden[0] = -16_384;
    const matrix = matrixOf(256);
    fill(matrix, [nothingHidden, muchHidden]);
    expect(matrix.remove(0)).toBe(1);
    expectExact(matrix, [muchHidden], probe, cosine(muchHidden, probe) - 2 * ROUNDING);
  });

  test('of a row that is not there is refused', () => {
    const matrix = matrixOf(2);
    expect(() => matrix.remove(0)).toThrow(new RangeError('There is no row 0: there are 0'));
    matrix.add(Int16Array.of(1, 2));
    for (const row of [-1, 0.5, 1, Number.NaN]) {
      const refusal = new RangeError(`There is no row ${row}: there are 1`);
      expect(() => matrix.remove(row)).toThrow(refusal);
      expect(() => matrix.read(row)).toThrow(refusal);
    }
    expect(matrix.remove(0)).toBeNull();
    expect(matrix.size).toBe(0);
  });

  test('uses memory in proportion to its faces', () => {
    const [random, size] = [seededRandom(3), 256];
    const perFace = 2 * size + 8;
    const matrix = matrixOf(size);
    expect(matrix.bytes).toBe(0);
    const embedding = randomEmbedding(size, random);
    for (let count = 1; count <= 2000; count += 1) {
      matrix.add(embedding);
      expect(matrix.bytes).toBeGreaterThanOrEqual(count * perFace);
      expect(matrix.bytes).toBeLessThan(count * perFace + 12_000);
    }
    for (let count = 1999; count > 0; count -= 1) {
      matrix.remove(0);
      expect(matrix.bytes).toBeLessThan(count * perFace + 12_000);
    }
    expectExact(matrix, [embedding], Float32Array.from(embedding), 0.99);
    matrix.remove(0);
    expect(matrix.bytes).toBe(0);
  });

  test('gives a row back in its direction', () => {
    const matrix = matrixOf(3);
    matrix.add(Int16Array.of(1, -2, 3));
    matrix.add(Int16Array.of(32_767, 0, -32_767));
    const [x = 0, y = 0, z = 0] = matrix.read(0);
    expect(x).toBeGreaterThan(0);
    expect([y / x, z / x]).toEqual([-2, 3]);
    expect([...matrix.read(1)]).toEqual([32_767, 0, -32_767]);
  });
});
