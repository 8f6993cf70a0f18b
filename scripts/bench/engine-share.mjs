import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import { InferenceSession, Tensor } from 'onnxruntime-node';
import sharp from 'sharp';
import { analyzeImage } from '../../dist/child/engine/analyze-image.js';
import { openNetworks } from '../../dist/child/engine/networks.js';
import { DETECTOR_SIDE_PX } from '../../dist/child/vision/find-faces.js';
import { formatTable, median } from '../faults/report.mjs';

/**
 * @typedef {import('../../dist/shared/model-pack.js').ModelPack} ModelPack
 * @typedef {{ kernel: Kernel, input: Float32Array, shape: readonly number[] }} Run
 * @typedef {'decode' | 'detect' | 'refine' | 'embed'} Kernel
 */

const KERNELS = /** @type {const} */ (['decode', 'detect', 'refine', 'embed']);
/** libjpeg-turbo can shrink by these factors while it decodes. */
const OCTAVES = [8, 4, 2, 1];

/**
 * Compares the engine with its kernels alone, one photo at a time in one thread: the JPEG decoder, which shrinks to the
 * smallest octave that the detector can use, and the runs of the networks that the engine makes for the photo. All take
 * turns photo by photo, and the process's CPU time counts, so the share also holds on a busy machine.
 *
 * @param {readonly { name: string, photos: readonly Buffer[] }[]} kinds
 * @param {ModelPack} pack
 * @param {number} rounds
 */
export async function measureShare(kinds, pack, rounds) {
  // As in an engine thread.
  sharp.concurrency(1);
  sharp.cache(false);
  const folder = await mkdtemp(path.join(os.tmpdir(), 'bench-engine-'));
  const [detector, embedder] = [await openKernel(pack.detectorPath), await openKernel(pack.cpuEmbedderPath)];
  const { networks, recordRuns } = await openRecordingNetworks(pack);
  const engine = (/** @type {Buffer} */ photo) =>
    analyzeImage(photo, { pack, networks, maxImagePixels: 1e9 });

  /** @param {Run} run */
  const compute = async ({ kernel, input, shape }) => {
    const session = kernel === 'embed' ? embedder : detector;
    await session.run({ [session.inputNames[0] ?? '']: new Tensor('float32', input, shape) });
  };

  const rows = [];
  for (const [kind, { name, photos }] of kinds.entries()) {
    const sources = await Promise.all(
      photos.map(async (photo, i) => {
        const file = path.join(folder, `${kind}-${i}.jpg`);
        await writeFile(file, photo);
        const octave = await octaveOf(photo);
        // libvips reads load options from the end of a file name.
        return octave === 1 ? photo : `${file}[shrink=${octave}]`;
      }),
    );
    /** @type {number[][]} */
    const sums = [];
    /** Of each photo in each round, in percent. @type {number[]} */
    const ownShares = [];
    let faces = 0;
    for (let round = -1; round < rounds; round += 1) {
      const [sum, found] = [[0, 0, 0, 0, 0], { faces: 0 }];
      for (const [i, photo] of photos.entries()) {
        const own = [0, 0, 0, 0, 0];
        const timed = async (/** @type {number} */ place, /** @type {() => Promise<unknown>} */ work) => {
          const before = process.cpuUsage();
          const result = await work();
          const { user, system } = process.cpuUsage(before);
          const ms = (user + system) / 1000;
          own[place] = (own[place] ?? 0) + ms;
          sum[place] = (sum[place] ?? 0) + ms / photos.length;
          return result;
        };
        const runs = await recordRuns(() => engine(photo));
        await timed(0, () => sharp(sources[i]).raw().toBuffer());
        for (const run of runs) await timed(KERNELS.indexOf(run.kernel), () => compute(run));
        const image = /** @type {any} */ (await timed(KERNELS.length, () => engine(photo)));
        found.faces += image.faces.length / photos.length;
        if (round >= 0) ownShares.push(shareOf(own));
      }
      faces = found.faces;
      if (round >= 0) sums.push(sum);
    }
    const shares = sums.map(shareOf);
    rows.push([
      name,
      faces.toFixed(1),
      ...KERNELS.map((_, i) => median(sums.map((sum) => sum[i] ?? NaN)).toFixed(1)),
      median(sums.map(sumOfKernels)).toFixed(1),
      median(sums.map((sum) => sum[KERNELS.length] ?? NaN)).toFixed(1),
      `${median(shares).toFixed(0)} %`,
      `${Math.min(...shares).toFixed(0)} to ${Math.max(...shares).toFixed(0)} %`,
      `${median(ownShares).toFixed(0)} %`,
    ]);
  }
  await Promise.all([networks.release(), detector.release(), embedder.release()]);
  await rm(folder, { recursive: true });
  console.log(
    'Median CPU milliseconds per photo, one at a time in one thread: kernels alone, their sum, the engine:',
  );
  console.log(
    formatTable([
      ['photos', 'faces', ...KERNELS, 'sum', 'engine', 'share', 'spread', 'median photo'],
      ...rows,
    ]),
  );
}

/** @param {string} model */
function openKernel(model) {
  return InferenceSession.create(model, {
    executionProviders: ['cpu'],
    graphOptimizationLevel: 'all',
    intraOpNumThreads: 1,
    interOpNumThreads: 1,
    executionMode: 'sequential',
  });
}

/** @param {readonly number[]} sum */
function sumOfKernels(sum) {
  return sum.slice(0, KERNELS.length).reduce((total, ms) => total + ms, 0);
}

/** In percent. @param {readonly number[]} sum */
function shareOf(sum) {
  return (100 * sumOfKernels(sum)) / (sum[KERNELS.length] ?? NaN);
}

/** The networks of the engine, which also record their runs. @param {ModelPack} pack */
async function openRecordingNetworks(pack) {
  const loaded = await openNetworks(pack, 'cpu', 1);
  /** @type {Run[] | null} */
  let runs = null;
  /** @type {typeof loaded} */
  const networks = {
    ...loaded,
    runDetector: (input, count, size) => {
      const kernel = runs?.some((run) => run.kernel === 'detect') === true ? 'refine' : 'detect';
      runs?.push({ kernel, input: input.slice(), shape: [count, 3, size.heightPx, size.widthPx] });
      return loaded.runDetector(input, count, size);
    },
    runEmbedder: (input, count, sizePx) => {
      runs?.push({ kernel: 'embed', input: input.slice(), shape: [count, 3, sizePx, sizePx] });
      return loaded.runEmbedder(input, count, sizePx);
    },
  };
  const recordRuns = async (/** @type {() => Promise<unknown>} */ work) => {
    /** @type {Run[]} */
    const recorded = [];
    runs = recorded;
    await work();
    runs = null;
    return recorded;
  };
  return { networks, recordRuns };
}

/** The largest octave that is not smaller than what the detector takes. @param {Buffer} photo */
async function octaveOf(photo) {
  const { width, height } = await sharp(photo).metadata();
  return OCTAVES.find((octave) => Math.max(width, height) / octave >= DETECTOR_SIDE_PX) ?? 1;
}
