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

/** Every message from the main thread to an engine thread. */
export type EngineRequest =
  | { readonly type: 'analyze'; readonly id: number; readonly source: PictureSource }
  /** Finish what is in flight, release the sessions and end. */
  | { readonly type: 'stop' };

/** Every message from an engine thread to the main thread. */
export type EngineReply =
  /** The models are loaded and each has run once. */
  | { readonly type: 'ready' }
  /** They could not be; the thread ends. */
  | { readonly type: 'unable'; readonly message: string }
  /** The embeddings are moved, not copied. */
  | { readonly type: 'picture'; readonly id: number; readonly picture: Picture }
  /** `image`: the picture is at fault; `engine`: the machine is. */
  | {
      readonly type: 'failed';
      readonly id: number;
      readonly fault: 'image' | 'engine';
      readonly message: string;
    };
