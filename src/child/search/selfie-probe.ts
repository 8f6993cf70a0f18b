import { ImageError, JobError } from '../../shared/errors.js';
import type { Engine, Face, AnalyzedImage } from '../engine/engine.js';
import { pickSelfieFace } from './pick-selfie-face.js';

/** A selfie's face that is smaller or less sharp than this counts only where no selfie has a better one. */
const MIN_FACE_PX = 48;
const MIN_SHARPNESS = 20;

export interface SelfieProbeOptions {
  readonly engine: Engine;
  readonly signal: AbortSignal;
  /** Takes one line for the job's log. */
  readonly log: (line: string) => void;
}

type Verdict = 'used' | 'too small' | 'blurred';

/**
 * Who is to be found, from one or several selfies.
 *
 * @returns L2-normalised float32 [embeddingSize]: the mean of the selfies' embeddings, weighted by their quality
 * @throws {JobError} `INVALID_IMAGE` where no selfie can be decoded, `NO_FACE_DETECTED` where none shows a face
 * @throws the signal's reason once it has aborted
 */
export async function createSelfieProbe(
  selfies: readonly string[],
  options: SelfieProbeOptions,
): Promise<Float32Array> {
  const looks = await Promise.all(selfies.map((selfie) => lookAtSelfie(selfie, options)));
  const faces = looks.flatMap((look, i) => {
    const name = selfies.length === 1 ? 'The selfie' : `Selfie ${i + 1}`;
    if (look instanceof ImageError) {
      if (selfies.length > 1) options.log(`${name} cannot be used: ${look.message}`);
      return [];
    }
    const face = pickSelfieFace(look);
    if (face === null && selfies.length > 1) options.log(`${name} shows no face`);
    if (look.faces.length > 1) {
      options.log(`${name} shows ${look.faces.length} faces; searching for the one in the middle`);
    }
    return face === null ? [] : [{ name, face, verdict: judge(face) }];
  });
  if (faces.length === 0) throw whyNobody(looks);

  const good = faces.filter(({ verdict }) => verdict === 'used');
  const used = good.length > 0 ? good : faces;
  if (selfies.length > 1) {
    for (const { name, verdict } of faces) {
      options.log(`${name}: ${used === good ? verdict : `used, though ${verdict}`}`);
    }
  }
  return meanOf(used.map(({ face }) => face));
}

async function lookAtSelfie(
  selfie: string,
  { engine, signal, log }: SelfieProbeOptions,
): Promise<AnalyzedImage | ImageError> {
  try {
    return await engine.analyze({ kind: 'base64', text: selfie }, { signal, urgent: true, note: log });
  } catch (error) {
    if (error instanceof ImageError) return error;
    throw error;
  }
}

function whyNobody(looks: readonly (AnalyzedImage | ImageError)[]): JobError {
  const [first] = looks;
  if (first instanceof ImageError && looks.every((look) => look instanceof ImageError)) {
    return new JobError('INVALID_IMAGE', `The selfie cannot be used: ${first.message}`, { cause: first });
  }
  return new JobError('NO_FACE_DETECTED', 'No face was found in the selfie; take one from nearer, in light.');
}

function judge({ box, sharpness }: Face): Verdict {
  if (Math.min(box.width, box.height) < MIN_FACE_PX) return 'too small';
  return sharpness < MIN_SHARPNESS ? 'blurred' : 'used';
}

function meanOf(faces: readonly Face[]): Float32Array {
  const [first] = faces;
  if (first === undefined) throw new Error('There is no face to take the mean of');
  if (faces.length === 1) return first.embedding;
  const sum = new Float32Array(first.embedding.length);
  for (const { embedding, score, sharpness } of faces) {
    // A sharper face says more; twice as sharp does not say twice as much.
    const weight = score * Math.log1p(sharpness);
    for (let i = 0; i < sum.length; i += 1) sum[i] = (sum[i] ?? 0) + weight * (embedding[i] ?? 0);
  }
  const length = Math.hypot(...sum);
  return sum.map((component) => component / length);
}
