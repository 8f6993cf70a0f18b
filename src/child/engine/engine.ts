import type { ChildStats } from '../../shared/ipc.js';
import type { ProviderRefusal } from '../../shared/worker-record.js';
import type { Box, Landmarks } from '../../shared/face.js';
import type { TurnDeg } from '../../shared/job.js';
import type { Calibration } from '../../shared/calibration.js';

/**
 * The face engine of a child. Its work runs in worker threads, so that the main thread can renew job locks and answer
 * pings at any time.
 */
export interface Engine {
  /** Runtime and model pack, for example `onnxruntime-node 1.30.0, mobilefacenet`. */
  readonly name: string;
  /** Execution provider in use: `cpu`, `cuda`, … */
  readonly provider: string;
  /** Faster execution providers that were tried first, and why they are not used. */
  readonly providerRefusals: readonly ProviderRefusal[];
  /** Number of images that the engine works on at once; further images wait. */
  readonly capacity: number;
  readonly calibration: Calibration;
  /** The model pack. Embeddings with the same `key` can be compared. */
  readonly pack: {
    readonly name: string;
    readonly license: string;
    readonly key: string;
    readonly embeddingSize: number;
  };

  /**
   * Decodes one image, finds its faces and embeds them, best detection first. The list is empty if there is no face.
   *
   * @throws {ImageError} if the image is broken, is not an image, or exceeds a limit
   * @throws the signal's reason once it has aborted
   */
  analyze(source: ImageSource, options?: WorkOptions): Promise<AnalyzedImage>;

  /**
   * The content hash of an image. It takes a hundredth of the time of `analyze`.
   *
   * @throws {ImageError} if the image cannot be read, or has too many bytes
   * @throws the signal's reason once it has aborted
   */
  identify(source: ImageSource, options?: WorkOptions): Promise<string>;

  /** Milliseconds since work last started from idle or ended; 0 if none is in flight. */
  silentMs(): number;

  /** OOM fallback steps so far. */
  oomSteps(): ChildStats['oomSteps'];

  /**
   * Resolves when only a new process can use the device again. The engine continues on the CPU. Never rejects.
   */
  readonly exhausted: Promise<Error>;

  /** Resolves when an engine thread has died, and with it the engine. Never rejects, and does not resolve on `stop`. */
  readonly died: Promise<Error>;

  stop(): Promise<void>;
}

export interface WorkOptions {
  readonly signal?: AbortSignal | undefined;
  /** Runs before requests that are not urgent, because a person is waiting for it. */
  readonly urgent?: boolean;
  /** The image is a selfie: also try the other three orientations if the detector is not sure of the face. */
  readonly selfie?: boolean;
  /** Takes a sentence for each OOM fallback step. */
  readonly note?: (sentence: string) => void;
}

/** An encoded image. `text` is base64 or a data URL, with optional white space and padding; the engine thread decodes it. */
export type ImageSource =
  { readonly kind: 'base64'; readonly text: string } | { readonly kind: 'bytes'; readonly bytes: Uint8Array };

/** The faces of an image. Coordinates are pixels of the image as a person sees it (EXIF orientation applied). */
export interface AnalyzedImage {
  /** Only for selfies: the clockwise turn that made it upright. Sizes and boxes are those of the turned image. */
  readonly turnedDeg?: TurnDeg;
  /** Only for selfies: the main face may not be a face, or may not be upright. */
  readonly doubtful?: boolean;
  readonly widthPx: number;
  readonly heightPx: number;
  readonly faces: readonly Face[];
}

export interface Face {
  readonly box: Box;
  /** Right eye, left eye, nose tip, right and left corner of the mouth, from the point of view of the person. */
  readonly landmarks: Landmarks;
  /** Detection score, 0..1. */
  readonly score: number;
  /** Of the aligned face: 0 (flat) to 65,535, and 0 (black) to 255; see `src/child/vision/crop-quality.ts`. */
  readonly sharpness: number;
  readonly brightness: number;
  /** L2-normalised float32 [embeddingSize]. */
  readonly embedding: Float32Array;
}
