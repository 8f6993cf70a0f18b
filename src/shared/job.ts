import { z } from 'zod';
import { JobError } from './errors.js';

const galleryEntry = z.union([
  z.object({ id: z.string().min(1), image: z.string().min(1) }),
  z.object({ id: z.string().min(1), path: z.string().min(1) }),
]);

const searchJob = z.object({
  image: z.string().min(1),
  stage: z.string().optional(),
  gallery: z.array(galleryEntry).optional(),
  threshold: z.number().min(0).max(1).optional(),
  limit: z.number().int().min(0).optional(),
});

/** One inline picture (base64), or one picture file below `GALLERY_DIR`. */
export type GalleryEntry = z.infer<typeof galleryEntry>;

/** What the portal puts in the queue. Fields that the search does not need (`uid`, `timestamp`, …) are ignored. */
export type SearchJob = z.infer<typeof searchJob>;

/** One photo that shows the person: its best face. `score` is in 0..1. */
export interface SearchMatch {
  readonly id: string;
  readonly score: number;
}

/** @throws {JobError} `INVALID_JOB`, naming every field that is wrong. Values are never quoted: they are pictures. */
export function parseSearchJob(data: unknown): SearchJob {
  const parsed = searchJob.safeParse(data);
  if (!parsed.success) {
    const problems = parsed.error.issues.map(
      (issue) => `${issue.path.join('.') || 'data'}: ${issue.message}`,
    );
    throw new JobError('INVALID_JOB', `The job's data is wrong: ${problems.join('; ')}.`);
  }
  if (parsed.data.gallery === undefined && !parsed.data.stage) {
    throw new JobError(
      'INVALID_JOB',
      'The job names no gallery: give "gallery" (a list) or "stage" (a folder below GALLERY_DIR).',
    );
  }
  return parsed.data;
}
