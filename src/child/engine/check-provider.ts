import { type RgbImage, writePlanes } from '../vision/pixels.js';
import type { ModelPack } from '../../shared/model-pack.js';
import { type Networks, openNetworks } from './networks.js';
import type { ProviderName } from './session.js';

/** Lowest cosine between the two embeddings of one face. Half precision stays above it, a wrong kernel does not. */
const MIN_COSINE = 0.999;
/** Largest deviation of a detector output, relative to its largest value or to 1 (a score, a cell), whichever is larger. */
const MAX_DEVIATION = 0.02;
const DETECTOR_SIZE = { widthPx: 320, heightPx: 320 };

/**
 * Loads the models on a provider, and compares its results for a test image with those of the CPU.
 *
 * @throws {Error} if the provider does not load, or if its results differ
 */
export async function checkProvider(
  pack: ModelPack,
  provider: ProviderName,
  intraOpThreads: number,
): Promise<void> {
  const networks = await openNetworks(pack, provider, intraOpThreads);
  try {
    const reference = await openNetworks(pack, 'cpu', intraOpThreads);
    try {
      await compareNetworks(pack, networks, reference);
    } finally {
      await reference.release();
    }
  } finally {
    await networks.release();
  }
}

/** @throws {Error} if their results for a test image differ */
export async function compareNetworks(
  { detector, embedder }: ModelPack,
  networks: Networks,
  reference: Networks,
): Promise<void> {
  const { sizePx } = embedder.input;
  const face = planesOf({ widthPx: sizePx, heightPx: sizePx }, embedder.input);
  const cosine = cosineOf(
    await networks.runEmbedder(face, 1, sizePx),
    await reference.runEmbedder(face, 1, sizePx),
  );
  if (!(cosine >= MIN_COSINE)) {
    throw new Error(
      `its embedding of a test image has a cosine of ${cosine.toFixed(4)} with the CPU's, less than ${MIN_COSINE}`,
    );
  }
  const image = planesOf(DETECTOR_SIZE, detector.input);
  const outputs = await networks.runDetector(image, 1, DETECTOR_SIZE);
  for (const [name, expected] of await reference.runDetector(image, 1, DETECTOR_SIZE)) {
    const deviation = deviationOf(outputs.get(name), expected);
    if (deviation <= MAX_DEVIATION) continue;
    throw new Error(
      `its detector's output "${name}" for a test image deviates by ${(deviation * 100).toFixed(1)} % from the CPU's, more than ${MAX_DEVIATION * 100} %`,
    );
  }
}

/** A test image of waves. It is always the same, and flat nowhere. */
function planesOf(
  size: { readonly widthPx: number; readonly heightPx: number },
  encoding: Parameters<typeof writePlanes>[3],
): Float32Array {
  const { widthPx, heightPx } = size;
  const image: RgbImage = { ...size, data: new Uint8Array(3 * widthPx * heightPx) };
  for (let i = 0; i < image.data.length; i += 1) {
    const channel = i % 3;
    const x = Math.floor(i / 3) % widthPx;
    const y = Math.floor(i / 3 / widthPx);
    image.data[i] = 128 + 60 * Math.sin(x / (5 + 3 * channel)) + 60 * Math.cos(y / 9 + (x * channel) / 31);
  }
  const planes = new Float32Array(image.data.length);
  writePlanes(image, planes, size, encoding);
  return planes;
}

function cosineOf(a: Float32Array, b: Float32Array): number {
  let [dot, aa, bb] = [0, 0, 0];
  for (const [i, value] of b.entries()) {
    const other = a[i] ?? Number.NaN;
    dot += value * other;
    aa += other * other;
    bb += value * value;
  }
  return dot / Math.sqrt(aa * bb);
}

/** @returns the largest difference; `Infinity` if a value is missing or NaN */
function deviationOf(actual: Float32Array | undefined, expected: Float32Array): number {
  let [largest, difference] = [1, 0];
  for (const [i, value] of expected.entries()) {
    const here = Math.abs((actual?.[i] ?? Number.NaN) - value);
    largest = Math.max(largest, Math.abs(value));
    difference = Math.max(difference, Number.isNaN(here) ? Infinity : here);
  }
  return difference / largest;
}
