import { once } from 'node:events';
import { findModelPack } from '../../dist/shared/model-pack.js';
import { openNetworks } from '../../dist/child/engine/networks.js';
import { compareNetworks } from '../../dist/child/engine/check-provider.js';
import { queryNvidiaGpus } from '../../dist/supervisor/devices/nvidia-smi.js';
import { median } from '../faults/report.mjs';
import { measureEngine } from './measure-engine.mjs';

export const BATCH_SIZES = [1, 8, 32, 64];
const DETECTOR_SIZE = { widthPx: 320, heightPx: 320 };
/** Inferences between the two memory measurements. */
const ENDURANCE = 1000;
/** Largest batch of the test that exhausts the memory. */
const MAX_OOM_BATCH = 4096;

/**
 * @typedef {{ batch: number, medianMs: number, minMs: number, maxMs: number, imagesPerS: number }} Timing
 * @typedef {{
 *   detector: Timing[], embedder: Timing[],
 *   memory: { rssBeforeMb: number, rssAfterMb: number, gpuBeforeMb: number | null, gpuAfterMb: number | null },
 *   exhaustion: { largestBatch: number, steps: string[] } | null,
 *   engine: import('./measure-engine.mjs').EngineLoad | null,
 * }} Measurement
 */

// Other files import the constants. It measures only in a forked process.
if (process.send !== undefined && process.argv[1] === import.meta.filename) {
  const [question] = await once(process, 'message');
  try {
    process.send({ measured: await measure(question) });
  } catch (error) {
    process.send({ reason: (error instanceof Error ? error.message : String(error)).trim() });
  }
  process.disconnect();
}

/**
 * @param {{ provider: import('../../dist/child/engine/session.js').ProviderName, models: string, pack: string, rounds: number, oom: boolean, photos: string | null, seconds: number, cores: number }} question
 * @returns {Promise<Measurement>}
 */
async function measure({ provider, models, pack: packName, rounds, oom, photos, seconds, cores }) {
  const pack = await findModelPack(packName, models);
  /** @type {string[]} */
  const steps = [];
  const networks = await openNetworks(pack, provider, 1, (step) => steps.push(step));
  const reference = await openNetworks(pack, 'cpu', 1);
  await compareNetworks(pack, networks, reference);
  await reference.release();

  const { sizePx } = pack.embedder.input;
  const valuesPerFace = 3 * sizePx * sizePx;
  const valuesPerImage = 3 * DETECTOR_SIZE.widthPx * DETECTOR_SIZE.heightPx;
  const detector = [];
  const embedder = [];
  for (const batch of BATCH_SIZES) {
    const images = new Float32Array(batch * valuesPerImage);
    detector.push(await time(batch, rounds, () => networks.runDetector(images, batch, DETECTOR_SIZE)));
    const faces = new Float32Array(batch * valuesPerFace).fill(1);
    embedder.push(await time(batch, rounds, () => networks.runEmbedder(faces, batch, sizePx)));
  }

  const face = new Float32Array(valuesPerFace).fill(1);
  const [rssBeforeMb, gpuBeforeMb] = [rssMb(), await gpuMb()];
  for (let i = 0; i < ENDURANCE; i += 1) await networks.runEmbedder(face, 1, sizePx);
  const memory = { rssBeforeMb, rssAfterMb: rssMb(), gpuBeforeMb, gpuAfterMb: await gpuMb() };

  const exhaustion = oom ? await exhaust(networks, sizePx, steps) : null;
  await networks.release();
  const engine =
    photos === null
      ? null
      : await measureEngine({ provider, models, pack: packName, photos, seconds, cores });
  return { detector, embedder, memory, exhaustion, engine };
}

/**
 * Runs larger and larger batches.
 *
 * @param {import('../../dist/child/engine/networks.js').Networks} networks @param {number} sizePx
 * @param {string[]} steps OOM fallback steps of the networks
 */
async function exhaust(networks, sizePx, steps) {
  steps.length = 0;
  let largestBatch = 0;
  for (let batch = 128; batch <= MAX_OOM_BATCH && steps.length === 0; batch *= 2) {
    await networks.runEmbedder(new Float32Array(batch * 3 * sizePx * sizePx).fill(1), batch, sizePx);
    largestBatch = batch;
  }
  return { largestBatch, steps: [...steps] };
}

/**
 * @param {number} batch @param {number} rounds @param {() => Promise<unknown>} run
 * @returns {Promise<Timing>} without the first run, which is slow
 */
async function time(batch, rounds, run) {
  const times = [];
  for (let round = -1; round < rounds; round += 1) {
    const startedAt = performance.now();
    await run();
    if (round >= 0) times.push(performance.now() - startedAt);
  }
  const medianMs = median(times);
  return {
    batch,
    medianMs,
    minMs: Math.min(...times),
    maxMs: Math.max(...times),
    imagesPerS: (1000 * batch) / medianMs,
  };
}

function rssMb() {
  return Math.round(process.memoryUsage.rss() / 2 ** 20);
}

/** Used memory of all GPUs together, including other processes. */
async function gpuMb() {
  const answer = await queryNvidiaGpus();
  if (answer.kind !== 'gpus') return null;
  return answer.gpus.reduce((sum, gpu) => sum + (gpu.memoryUsedMb ?? 0), 0);
}
