import type { Config } from '../../shared/config.js';
import type { Device } from '../../shared/device.js';
import type { Machine } from './machine.js';
import type { ProviderName } from './session.js';

/** The npm package lacks the CUDA provider; onnxruntime-node's own script downloads it (Linux x64). */
export const CUDA_INSTALL_HINT =
  'Install it with "ONNXRUNTIME_NODE_INSTALL=cuda12 node node_modules/onnxruntime-node/script/install.js"; ' +
  'it needs CUDA 12 and cuDNN 9 on the machine.';

export interface ProviderQuestion {
  readonly device: Device;
  readonly machine: Machine;
  readonly wanted: Config['engine']['provider'];
  /** The operator wants a CPU worker, even if there is a GPU. */
  readonly processorsOnly: boolean;
}

/**
 * Execution providers to try in turn, best first. A configured provider has no alternative. WebGPU and DirectML do not let
 * us choose the GPU, so they are candidates only on a machine with one GPU.
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
