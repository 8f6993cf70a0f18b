import { formatTable } from '../faults/report.mjs';

/**
 * @typedef {import('./measure.mjs').Measurement} Measurement
 * @typedef {{ provider: string, works: true, measured: Measurement } | { provider: string, works: false, reason: string }} Verdict
 */

/**
 * Formats the report as text.
 *
 * @param {{ machine: string, platform: string, runtime: string, pack: string,
 *   gpus: import('../../dist/supervisor/devices/nvidia-smi.js').NvidiaQuery, providers: readonly Verdict[] }} report
 */
export function formatReport({ machine, platform, runtime, pack, gpus, providers }) {
  return [
    `${machine}; ${platform}; ${runtime}; pack ${pack}`,
    describeGpus(gpus),
    ...providers.map((verdict) =>
      verdict.works
        ? describeMeasurement(verdict.provider, verdict.measured)
        : `${verdict.provider}: cannot be used: ${verdict.reason}`,
    ),
  ].join('\n\n');
}

/** @param {import('../../dist/supervisor/devices/nvidia-smi.js').NvidiaQuery} query */
function describeGpus(query) {
  switch (query.kind) {
    case 'absent':
      return 'No nvidia-smi: this machine has no NVIDIA driver.';
    case 'error':
      return `Cannot list the NVIDIA GPUs: ${query.reason}`;
    case 'gpus':
      return query.gpus
        .map(
          ({ device, driverVersion, memoryUsedMb, throttleReasons }) =>
            `GPU ${device.index}: ${device.name}, ${memoryUsedMb ?? '?'} of ${device.memoryTotalMb ?? '?'} MB used, driver ${driverVersion ?? '?'}` +
            (throttleReasons?.length ? `, held back: ${throttleReasons.join(', ')}` : ''),
        )
        .join('\n');
  }
}

/** @param {string} provider @param {Measurement} measured */
function describeMeasurement(provider, { detector, embedder, memory, exhaustion, engine }) {
  const rows = [
    ...detector.map((timing) => ({ network: 'detector', ...timing })),
    ...embedder.map((timing) => ({ network: 'embedder', ...timing })),
  ].map(({ network, batch, medianMs, minMs, maxMs, imagesPerS }) => [
    network,
    batch,
    medianMs.toFixed(1),
    `${minMs.toFixed(1)} to ${maxMs.toFixed(1)}`,
    imagesPerS.toFixed(0),
  ]);
  const gpu =
    memory.gpuAfterMb === null ? '' : `, of the GPUs ${memory.gpuBeforeMb} to ${memory.gpuAfterMb} MB`;
  return [
    `${provider}: agrees with the CPU`,
    formatTable([['network', 'batch', 'median ms', 'spread ms', 'images/s'], ...rows]),
    `1,000 inferences: memory of the process ${memory.rssBeforeMb} to ${memory.rssAfterMb} MB${gpu}`,
    ...(exhaustion === null ? [] : [describeExhaustion(exhaustion)]),
    ...(engine === null ? [] : [describeEngine(engine)]),
  ].join('\n');
}

/** @param {NonNullable<Measurement['exhaustion']>} exhaustion */
function describeExhaustion({ largestBatch, steps }) {
  return steps.length === 0
    ? `Its memory held up to a batch of ${largestBatch}`
    : `Its memory was exhausted by a batch of ${largestBatch}, which was computed all the same: ${steps.join(', ')}`;
}

/** @param {import('./measure-engine.mjs').EngineLoad} load */
function describeEngine({ photosPerS, photos, busyPercent }) {
  const rate = `The whole engine: ${photosPerS.toFixed(1)} photos/s, with ${photos === 1 ? 'one photo' : `${photos} photos in turn`}`;
  if (busyPercent === null) return rate;
  const waited = 100 - Math.round(busyPercent);
  return `${rate}; the GPU computed for ${100 - waited} % of the time and waited for ${waited} %`;
}
