import type { Config } from '../../shared/config.js';
import type { Device } from '../../shared/device.js';
import type { Machine } from './machine.js';
import type { ProviderName } from './session.js';

/** The CUDA provider is not in the npm package; onnxruntime-node's own script fetches it (Linux x64). */
export const CUDA_INSTALL_HINT =
  'Install it with "ONNXRUNTIME_NODE_INSTALL=cuda12 node node_modules/onnxruntime-node/script/install.js"; ' +
  'it needs CUDA 12 and cuDNN 9 on the machine.';

export interface ProviderQuestion {
  readonly device: Device;
  readonly machine: Machine;
  readonly wanted: Config['engine']['provider'];
  /** The operator wants a worker for the processors, whatever else there is. */
  readonly processorsOnly: boolean;
}

/**
 * Execution providers to be tried in turn, best first. One that was asked for by name has no second. WebGPU and
 * DirectML cannot be told by us which GPU to use, so they are tried only where there is one.
 */
export function chooseProviders({
  device,
  machine: { platform, arch, gpus },
  wanted,
  processorsOnly,
}: ProviderQuestion): readonly [ProviderName, ...ProviderName[]] {
  if (wanted !== 'auto') return [wanted];
  if (device.kind === 'cpu' && processorsOnly) return ['cpu'];
  const candidates: ProviderName[] = [];
  if (device.kind === 'nvidia' && platform === 'linux') candidates.push('cuda');
  if (platform === 'darwin') candidates.push('coreml');
  if (platform === 'win32' && gpus === 1) candidates.push('dml');
  if (platform !== 'darwin' && arch === 'x64' && gpus === 1) candidates.push('webgpu');
  const [best, ...others] = candidates;
  return best === undefined ? ['cpu'] : [best, ...others, 'cpu'];
}
