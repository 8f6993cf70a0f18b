import type { Thread } from '../threads/start-thread.js';
import type { Picture, PictureSource } from './engine.js';
import type { ModelPack } from './model-files.js';
import type { ProviderName } from './session.js';

/** What an engine thread is started with. */
export interface EngineThreadData {
  readonly pack: ModelPack;
  readonly provider: ProviderName;
  readonly intraOpThreads: number;
  readonly maxImageBytes: number;
  readonly maxImagePixels: number;
}

/** What an engine thread can be asked; see {@link import('./engine.js').Engine}. */
export type EngineCalls = {
  readonly identify: { readonly argument: PictureSource; readonly result: string };
  readonly analyze: { readonly argument: PictureSource; readonly result: Picture };
};

export type EngineThread = Thread<EngineCalls>;
