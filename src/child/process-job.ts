import type { Config } from '../shared/config.js';
import { ImageError, JobError } from '../shared/errors.js';
import { parseSearchJob, type SearchMatch } from '../shared/job.js';
import { openGallery } from './gallery/gallery.js';
import type { Engine, Face } from './inference/engine.js';
import { pickSelfieFace } from './pick-selfie-face.js';
import { searchGallery } from './search-gallery.js';

/** The first step that a person sees. */
const STARTED_PERCENT = 5;
/** The selfie's face is found and embedded. */
const SELFIE_PERCENT = 20;
const GALLERY_PERCENT = 95;

export interface ProcessJobContext {
  /** As the portal sent it. */
  readonly data: unknown;
  readonly engine: Engine;
  readonly settings: Config['jobs'];
  readonly signal: AbortSignal;
  /** Takes 0..100. */
  readonly reportProgress: (percent: number) => void;
  /** Takes one line for the job's log. */
  readonly log: (line: string) => void;
}

/**
 * The gallery photos that show the person of the selfie, best first.
 *
 * @throws {JobError} the job itself is at fault
 * @throws the signal's reason once it has aborted
 */
export async function processJob(context: ProcessJobContext): Promise<SearchMatch[]> {
  const { engine, settings, signal, reportProgress, log } = context;
  const job = parseSearchJob(context.data);
  const photos = await openGallery(job.gallery, { settings, signal, log });
  reportProgress(STARTED_PERCENT);

  const person = await findPerson(job.image, context);
  reportProgress(SELFIE_PERCENT);

  const matches = await searchGallery(photos, {
    engine,
    person: person.embedding,
    threshold: job.threshold ?? settings.threshold,
    limit: job.limit ?? settings.limit,
    signal,
    onDone: (share) => reportProgress(SELFIE_PERCENT + share * (GALLERY_PERCENT - SELFIE_PERCENT)),
    log,
  });
  reportProgress(100);
  return matches;
}

async function findPerson(selfie: string, { engine, signal, log }: ProcessJobContext): Promise<Face> {
  const picture = await engine.analyze({ kind: 'base64', text: selfie }, signal).catch((error: unknown) => {
    if (!(error instanceof ImageError)) throw error;
    throw new JobError('INVALID_IMAGE', `The selfie cannot be used: ${error.message}`, { cause: error });
  });
  const face = pickSelfieFace(picture);
  if (face === null) {
    throw new JobError(
      'NO_FACE_DETECTED',
      'No face was found in the selfie; take one from nearer, in light.',
    );
  }
  if (picture.faces.length > 1) {
    log(`The selfie shows ${picture.faces.length} faces; searching for the one in the middle`);
  }
  return face;
}
