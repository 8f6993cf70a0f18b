import type { Thread } from '../threads/start-thread.js';
import type { AnalyzedImage, ImageSource } from './engine.js';
import type { OomStep } from './oom-fallback.js';
import type { ModelPack } from '../../shared/model-pack.js';
import type { ProviderName } from './session.js';

/** What an engine thread is started with. */
export interface EngineThreadData {
  readonly pack: ModelPack;
  readonly provider: ProviderName;
  /** Whether the provider is to prove itself first, see `probe-provider.ts`. */
  readonly probe: boolean;
  readonly intraOpThreads: number;
  readonly maxImageBytes: number;
  readonly maxImagePixels: number;
}

export interface Analysis {
  readonly picture: AnalyzedImage;
  /** Taken by the thread since its last answer, for whichever picture. */
  readonly oomSteps: readonly OomStep[];
}

/** What an engine thread can be asked; see {@link import('./engine.js').Engine}. */
export type EngineCalls = {
  readonly identify: { readonly argument: ImageSource; readonly result: string };
  readonly analyze: {
    /** `selfie`: see `WorkOptions`. */
    readonly argument: ImageSource & { readonly selfie?: boolean };
    readonly result: Analysis;
  };
};

export type EngineThread = Thread<EngineCalls>;
