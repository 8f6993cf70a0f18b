import type { Thread } from '../threads/start-thread.js';
import type { AnalyzedImage, ImageSource } from './engine.js';
import type { OomStep } from './oom-fallback.js';
import type { ModelPack } from '../../shared/model-pack.js';
import type { ProviderName } from './session.js';

/** Start parameters of an engine thread. */
export interface EngineThreadData {
  readonly pack: ModelPack;
  readonly provider: ProviderName;
  /** Whether to check the provider first, see `check-provider.ts`. */
  readonly probe: boolean;
  readonly intraOpThreads: number;
  readonly maxImageBytes: number;
  readonly maxImagePixels: number;
  readonly galleryUpright: boolean;
}

export interface Analysis {
  readonly image: AnalyzedImage;
  /** OOM fallback steps of this thread since its last answer, for any image. */
  readonly oomSteps: readonly OomStep[];
}

/** Calls that an engine thread answers; see {@link import('./engine.js').Engine}. */
export type EngineCalls = {
  readonly identify: { readonly argument: ImageSource; readonly result: string };
  readonly analyze: {
    /** `selfie`: see `WorkOptions`. */
    readonly argument: ImageSource & { readonly selfie?: boolean };
    readonly result: Analysis;
  };
};

export type EngineThread = Thread<EngineCalls>;
