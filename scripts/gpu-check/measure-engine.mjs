import { setTimeout as sleep } from 'node:timers/promises';
import { createEngine } from '../../dist/child/engine/engine-pool.js';
import { loadConfig } from '../../dist/shared/config.js';
import { createLogger } from '../../dist/shared/logger.js';
import { queryNvidiaGpus } from '../../dist/supervisor/devices/nvidia-smi.js';
import { readJpegs } from '../bench/read-jpegs.mjs';

const MAX_PHOTOS = 500;
const SAMPLE_MS = 1000;

/**
 * @typedef {{ photosPerS: number, photos: number, busyPercent: number | null }} EngineLoad `busyPercent`: share of the
 *   time in which the first NVIDIA GPU computed, as nvidia-smi reports it; the rest of the time it waited for photos
 */

/**
 * Runs the whole engine as a child does, on photos again and again.
 *
 * @param {{ provider: import('../../dist/child/engine/session.js').ProviderName, models: string, pack: string, photos: string, seconds: number, cores: number }} question
 * @returns {Promise<EngineLoad>}
 */
export async function measureEngine({ provider, models, pack, photos: folder, seconds, cores }) {
  const photos = await readJpegs(folder, MAX_PHOTOS);
  const config = loadConfig({ MODELS_DIR: models, MODEL_PACK: pack }, process.cwd());
  const engine = await createEngine({
    device: { kind: 'cpu', index: 0, name: 'CPU' },
    config: { ...config.engine, provider },
    cores,
    logger: createLogger('gpu-check', 'error'),
  });
  const startedMs = performance.now();
  const isOver = () => performance.now() - startedMs >= 1000 * seconds;
  let analyzed = 0;
  const lane = async () => {
    for (; !isOver(); analyzed += 1) {
      await engine.analyze({
        kind: 'bytes',
        bytes: /** @type {Buffer} */ (photos[analyzed % photos.length]),
      });
    }
  };
  const lanes = Promise.all(Array.from({ length: 2 * engine.capacity }, lane));
  /** @type {number[]} */
  const busy = [];
  while (!isOver()) {
    await Promise.race([sleep(SAMPLE_MS), lanes]);
    const answer = provider === 'cpu' ? null : await queryNvidiaGpus();
    const percent = answer?.kind === 'gpus' ? answer.gpus[0]?.utilizationPercent : null;
    if (typeof percent === 'number') busy.push(percent);
  }
  await lanes;
  const photosPerS = (1000 * analyzed) / (performance.now() - startedMs);
  await engine.stop();
  const busyPercent =
    busy.length === 0 ? null : busy.reduce((sum, percent) => sum + percent, 0) / busy.length;
  return { photosPerS, photos: photos.length, busyPercent };
}
