import { ImageError, type ImageProblem, JobError } from '../../shared/errors.js';
import type { FaceProblem, SelfieDetails } from '../../shared/job.js';
import type { AnalyzedImage, Engine, Face } from '../engine/engine.js';
import { ADVICE, describeFace } from './describe-face.js';
import { pickMainFace } from '../vision/pick-main-face.js';

export interface SelfieProbeOptions {
  readonly engine: Engine;
  readonly signal: AbortSignal;
  /** Takes one line for the job's log. */
  readonly log: (line: string) => void;
}

/** The face to search for, and how it was chosen. */
export interface SelfieProbe {
  /** L2-normalised float32 [embeddingSize]. */
  readonly embedding: Float32Array;
  /** One entry per selfie. */
  readonly selfies: readonly SelfieDetails[];
  /** A sentence for the student if the face is hard to recognise, else `null`. */
  readonly hint: string | null;
}

/** What a student can do about an image that cannot be used. */
const IMAGE_SENTENCES: Readonly<Partial<Record<ImageProblem, string>>> = {
  incomplete: 'Your photo did not arrive completely. Please upload it again.',
  'too-large': 'Your photo is too large. Please choose a smaller one.',
};

/** One selfie, analyzed or refused, and its main face. */
type Selfie =
  | { readonly kind: 'refused'; readonly error: ImageError }
  | { readonly kind: 'no-face'; readonly image: AnalyzedImage }
  | {
      readonly kind: 'face';
      readonly image: AnalyzedImage;
      readonly face: Face;
      readonly problem: FaceProblem | null;
    };

/**
 * Analyzes the selfies of a job. With several, the probe is the mean of their embeddings, weighted by quality;
 * a face with a problem counts only if no selfie has a better one.
 *
 * @throws {JobError} `INVALID_IMAGE` if no selfie can be decoded, `NO_FACE_DETECTED` if none shows a face
 * @throws the signal's reason once it has aborted
 */
export async function createSelfieProbe(
  images: readonly string[],
  options: SelfieProbeOptions,
): Promise<SelfieProbe> {
  const selfies = await Promise.all(images.map((image) => analyzeSelfie(image, options)));
  const faces = selfies.filter((selfie) => selfie.kind === 'face');
  if (faces.length === 0) throw noFaceError(selfies);

  const good = faces.filter(({ problem }) => problem === null);
  const used = good.length > 0 ? good : faces;
  const details = selfies.map((selfie) => describeSelfie(selfie, used));
  for (const [i, { reason }] of details.entries()) {
    const name = details.length === 1 ? 'The selfie' : `Selfie ${i + 1}`;
    if (details.length > 1 || reason !== ONLY_FACE) options.log(`${name}: ${reason}`);
  }
  return {
    embedding: meanOf(used.map(({ face }) => face)),
    selfies: details,
    hint: hintOf(used),
  };
}

async function analyzeSelfie(image: string, { engine, signal, log }: SelfieProbeOptions): Promise<Selfie> {
  try {
    const analyzed = await engine.analyze(
      { kind: 'base64', text: image },
      { signal, urgent: true, selfie: true, note: log },
    );
    const face = pickMainFace(analyzed.faces, analyzed);
    if (face === null) return { kind: 'no-face', image: analyzed };
    return { kind: 'face', image: analyzed, face, problem: describeFace(face, analyzed).problem };
  } catch (error) {
    if (error instanceof ImageError) return { kind: 'refused', error };
    throw error;
  }
}

const DOUBTFUL =
  'We are not sure that we found your face in this photo. Please take another one in good light, facing the camera.';

function hintOf(
  used: readonly { readonly image: AnalyzedImage; readonly problem: FaceProblem | null }[],
): string | null {
  const problem = used[0]?.problem ?? null;
  if (problem !== null) return ADVICE[problem];
  return used.every(({ image }) => image.doubtful === true) ? DOUBTFUL : null;
}

const ONLY_FACE = 'searched for the only face';

function describeSelfie(selfie: Selfie, used: readonly Selfie[]): SelfieDetails {
  const turnedDeg = selfie.kind === 'refused' ? 0 : (selfie.image.turnedDeg ?? 0);
  switch (selfie.kind) {
    case 'refused':
      return { turnedDeg, faces: [], searched: null, reason: `not used: ${selfie.error.message}` };
    case 'no-face':
      return { turnedDeg, faces: [], searched: null, reason: 'not used: it shows no face' };
    case 'face': {
      const { image, face, problem } = selfie;
      const faces = image.faces.map((each) => describeFace(each, image));
      const searched = image.faces.indexOf(face);
      if (!used.includes(selfie)) {
        return { turnedDeg, faces, searched: null, reason: `not used: the face is ${problem}` };
      }
      const choice =
        faces.length === 1 ? ONLY_FACE : `searched for the large face in the middle of ${faces.length} faces`;
      return {
        turnedDeg,
        faces,
        searched,
        reason: problem === null ? choice : `${choice}, which is ${problem}`,
      };
    }
  }
}

function noFaceError(selfies: readonly Selfie[]): JobError {
  const errors = selfies.flatMap((selfie) => (selfie.kind === 'refused' ? [selfie.error] : []));
  const [first] = errors;
  if (first !== undefined && errors.length === selfies.length) {
    const sentence = IMAGE_SENTENCES[first.problem];
    return new JobError('INVALID_IMAGE', `The selfie cannot be used: ${first.message}`, {
      cause: first,
      ...(sentence !== undefined && { sentence }),
    });
  }
  return new JobError('NO_FACE_DETECTED', 'No selfie shows a face.');
}

function meanOf(faces: readonly Face[]): Float32Array {
  const [first] = faces;
  if (first === undefined) throw new Error('Cannot take the mean of no faces');
  if (faces.length === 1) return first.embedding;
  const sum = new Float32Array(first.embedding.length);
  for (const { embedding, score, sharpness } of faces) {
    // A sharper face is more reliable, but not in proportion.
    const weight = score * Math.log1p(sharpness);
    for (let i = 0; i < sum.length; i += 1) sum[i] = (sum[i] ?? 0) + weight * (embedding[i] ?? 0);
  }
  const length = Math.hypot(...sum);
  return sum.map((component) => component / length);
}
