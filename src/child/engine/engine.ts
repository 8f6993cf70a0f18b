import type { ChildStats } from '../../shared/ipc.js';
import type { ProviderRefusal } from '../../shared/worker-record.js';
import type { Box, Landmarks } from '../../shared/face.js';
import type { TurnDeg } from '../../shared/job.js';
import type { Calibration } from '../../shared/calibration.js';

/**
 * What a child asks of its engine. The engine's work runs in worker threads, so that the main thread
 * stays free to renew job locks and answer pings.
 */
export interface Engine {
  /** Runtime and model pack, for example `onnxruntime-node 1.30.0, mobilefacenet`. */
  readonly name: string;
  /** Execution provider in use: `cpu`, `cuda`, … */
  readonly provider: string;
  /** Better ones that were tried first, and why they are not used. */
  readonly providerRefusals: readonly ProviderRefusal[];
  readonly threads: number;
  /** Pictures that are worth having in flight at once; more only wait. */
  readonly capacity: number;
  /** Of the model pack. */
  readonly calibration: Calibration;
  /** The model pack, as far as what it computes may be kept and compared. */
  readonly pack: {
    readonly name: string;
    readonly license: string;
    readonly key: string;
    readonly embeddingSize: number;
  };

  /**
   * Decodes one picture, finds its faces and embeds them, best detection first. No faces is an empty list.
   *
   * @throws {ImageError} the picture is broken, is not a picture, or is over a limit
   * @throws the signal's reason once it has aborted
   */
  analyze(source: ImageSource, options?: WorkOptions): Promise<AnalyzedImage>;

  /**
   * The hash of a picture's content (see `content-hash.ts`), which costs a hundredth of analyzing it.
   *
   * @throws {ImageError} the picture cannot be read, or has too many bytes
   * @throws the signal's reason once it has aborted
   */
  identify(source: ImageSource, options?: WorkOptions): Promise<string>;

  /** Milliseconds for which work has been in flight and none has ended; 0 when none is in flight. */
  silentMs(): number;

  /** What has been done so far because the device had no memory left. */
  oomSteps(): ChildStats['oomSteps'];

  /**
   * Settles when only a new process can use the device again. The engine still answers, on the CPU; never rejects.
   */
  readonly exhausted: Promise<Error>;

  /** Settles when the engine has failed for good (an engine thread died); never rejects, never settles on `stop`. */
  readonly died: Promise<Error>;

  stop(): Promise<void>;
}

export interface WorkOptions {
  readonly signal?: AbortSignal | undefined;
  /** Goes before all that is not urgent: somebody waits for it. */
  readonly urgent?: boolean;
  /** The image is a selfie: where it shows no face for sure, its other three orientations are looked at, too. */
  readonly selfie?: boolean;
  /** Takes a sentence for each step that the device's lack of memory made necessary meanwhile. */
  readonly note?: (sentence: string) => void;
}

/** Where an encoded picture comes from. Base64 is decoded in the engine thread: data URL or bare, white space and padding optional. */
export type ImageSource =
  { readonly kind: 'base64'; readonly text: string } | { readonly kind: 'file'; readonly path: string };

/** A decoded picture's faces. Coordinates are pixels of the picture as a person sees it (EXIF orientation applied). */
export interface AnalyzedImage {
  /** Clockwise turn that brought a selfie upright; sizes and boxes are those of the turned image. Absent otherwise. */
  readonly turnedDeg?: TurnDeg;
  /** Whether a selfie's main face may be none, or may be seen the wrong way round. */
  readonly doubtful?: boolean;
  readonly widthPx: number;
  readonly heightPx: number;
  readonly faces: readonly Face[];
}

export interface Face {
  readonly box: Box;
  /** Right eye, left eye, nose tip, right and left corner of the mouth, as the person in the picture has them. */
  readonly landmarks: Landmarks;
  /** Detection score, 0..1. */
  readonly score: number;
  /** Of the aligned face: 0 (flat) to 65,535, and 0 (black) to 255; see `src/child/vision/crop-quality.ts`. */
  readonly sharpness: number;
  readonly brightness: number;
  /** L2-normalised float32 [embeddingSize]. */
  readonly embedding: Float32Array;
}
