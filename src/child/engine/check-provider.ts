import { withInput } from '../vision/pixels/network-input.js';
import type { RgbImage } from '../vision/pixels/rgb-image.js';
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
  const face = testImage({ widthPx: sizePx, heightPx: sizePx });
  const embeddingBy = ({ runEmbedder }: Networks) =>
    withInput([face], face, embedder.input, (input) => runEmbedder(input, 1, sizePx));
  const cosine = cosineOf(await embeddingBy(networks), await embeddingBy(reference));
  if (!(cosine >= MIN_COSINE)) {
    throw new Error(
      `its embedding of a test image has a cosine of ${cosine.toFixed(4)} with the CPU's, less than ${MIN_COSINE}`,
    );
  }
  const image = testImage(DETECTOR_SIZE);
  const outputsBy = ({ runDetector }: Networks) =>
    withInput([image], image, detector.input, (input) => runDetector(input, 1, DETECTOR_SIZE));
  const outputs = await outputsBy(networks);
  for (const [name, expected] of await outputsBy(reference)) {
    const deviation = deviationOf(outputs.get(name), expected);
    if (deviation <= MAX_DEVIATION) continue;
    throw new Error(
      `its detector's output "${name}" for a test image deviates by ${(deviation * 100).toFixed(1)} % from the CPU's, more than ${MAX_DEVIATION * 100} %`,
    );
  }
}

/** An image of waves. It is always the same, and flat nowhere. */
function testImage(size: Pick<RgbImage, 'widthPx' | 'heightPx'>): RgbImage {
  const { widthPx, heightPx } = size;
  const image: RgbImage = { ...size, data: new Uint8Array(3 * widthPx * heightPx) };
  for (let i = 0; i < image.data.length; i += 1) {
    const channel = i % 3;
    const x = Math.floor(i / 3) % widthPx;
    const y = Math.floor(i / 3 / widthPx);
    image.data[i] = 128 + 60 * Math.sin(x / (5 + 3 * channel)) + 60 * Math.cos(y / 9 + (x * channel) / 31);
  }
  return image;
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
