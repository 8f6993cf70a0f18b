import type { Config } from '../../shared/config.js';
import type { Device } from '../../shared/device.js';
import type { ProviderName } from './session.js';

/** Providers to be tried in turn, best first, and what is to be said where one is passed over. */
export interface ProviderPlan {
  readonly candidates: readonly ProviderName[];
  /** Whether the last candidate's failure means that this machine is set up wrongly: then there is nothing to fall back to. */
  readonly isExplicit: boolean;
}

/** The CUDA provider is not in the npm package; onnxruntime-node's own script fetches it (Linux x64). */
export const CUDA_INSTALL_HINT =
  'Install it with "ONNXRUNTIME_NODE_INSTALL=cuda12 node node_modules/onnxruntime-node/script/install.js"; ' +
  'it needs CUDA 12 and cuDNN 9 on the machine.';

export function planProviders(device: Device, wanted: Config['engine']['provider']): ProviderPlan {
  if (wanted !== 'auto') return { candidates: [wanted], isExplicit: true };
  return { candidates: device.kind === 'nvidia' ? ['cuda', 'cpu'] : ['cpu'], isExplicit: false };
}
