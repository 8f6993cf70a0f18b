import type { Config } from '../../shared/config.js';
import type { Device } from '../../shared/device.js';
import type { ProviderName } from './session.js';

/** The CUDA provider is not in the npm package; onnxruntime-node's own script fetches it (Linux x64). */
export const CUDA_INSTALL_HINT =
  'Install it with "ONNXRUNTIME_NODE_INSTALL=cuda12 node node_modules/onnxruntime-node/script/install.js"; ' +
  'it needs CUDA 12 and cuDNN 9 on the machine.';

/** Execution providers to be tried in turn. One that was asked for by name has no second. */
export function chooseProviders(
  device: Device,
  wanted: Config['engine']['provider'],
): readonly [ProviderName, ...ProviderName[]] {
  if (wanted !== 'auto') return [wanted];
  return device.kind === 'nvidia' ? ['cuda', 'cpu'] : ['cpu'];
}
