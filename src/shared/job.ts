import { z } from 'zod';
import { JobError } from './errors.js';

/** Of a list with a thousand wrong entries, a person needs to see the first few. */
const MAX_PROBLEMS_NAMED = 5;
const MAX_SELFIES = 16;

/** Portals in many languages write `null` for what they do not set. */
const optional = <T extends z.ZodType>(schema: T) =>
  schema.nullish().transform((value) => value ?? undefined);

const galleryEntry = z.union(
  [
    z.object({ id: z.string().min(1), image: z.string().min(1) }),
    z.object({ id: z.string().min(1), path: z.string().min(1) }),
  ],
  'must be { id, image } or { id, path }, all of them texts that are not empty',
);

const searchJob = z.object({
  image: optional(z.string().min(1)),
  images: optional(z.array(z.string().min(1)).min(1).max(MAX_SELFIES)),
  boxes: optional(z.boolean()),
  stage: optional(z.string()),
  gallery: optional(z.array(galleryEntry)),
  threshold: optional(z.number().min(0).max(1)),
  limit: optional(z.number().int().min(0)),
});

/** One inline picture (base64), or one picture file below `GALLERY_DIR`. */
export type GalleryEntry = z.infer<typeof galleryEntry>;

/** What the portal puts in the queue. Fields that the search does not need (`uid`, `timestamp`, …) are ignored. */
export interface SearchJob {
  /** The selfies of one person, at least one: base64, or data URLs. */
  readonly selfies: readonly string[];
  readonly gallery: GallerySource;
  /** Score (0..1) that a match must reach; the machine's own where the job names none. */
  readonly threshold: number | undefined;
  /** Longest result list, 0 for all; the machine's own where the job names none. */
  readonly limit: number | undefined;
  /** Whether matches tell where in the photo the face is. */
  readonly boxes: boolean;
}

/** Where a job's gallery photos come from. */
export type GallerySource =
  | { readonly kind: 'list'; readonly entries: readonly GalleryEntry[] }
  /** A folder below `GALLERY_DIR`. */
  | { readonly kind: 'folder'; readonly stage: string };

/** One photo that shows the person, by its best face. */
export interface SearchMatch {
  readonly id: string;
  /** 0..1 */
  readonly score: number;
  /** The same number as `score`, under the name that the existing portal's gallery page reads. */
  readonly similarity: number;
  /** Only where the job asks for it. */
  readonly box?: RelativeBox;
}

/** Where a face is: shares (0..1) of the photo's width and height, as a person sees it. */
export interface RelativeBox {
  readonly x: number;
  readonly y: number;
  readonly width: number;
  readonly height: number;
}

/** @throws {JobError} `INVALID_JOB`, naming the fields that are wrong. Values are never quoted: they are pictures. */
export function parseSearchJob(data: unknown): SearchJob {
  const parsed = searchJob.safeParse(data);
  if (!parsed.success) {
    throw new JobError('INVALID_JOB', `The job's data is wrong: ${describeIssues(parsed.error.issues)}.`);
  }
  const { image, images, stage, gallery, threshold, limit, boxes = false } = parsed.data;
  const selfies = [...(image === undefined ? [] : [image]), ...(images ?? [])];
  if (selfies.length === 0) {
    throw new JobError('INVALID_JOB', 'The job has no selfie: give "image" (one) or "images" (several).');
  }
  return { selfies, gallery: gallerySourceOf(gallery, stage), threshold, limit, boxes };
}

function gallerySourceOf(gallery: GalleryEntry[] | undefined, stage: string | undefined): GallerySource {
  if (gallery !== undefined) return { kind: 'list', entries: gallery };
  if (stage) return { kind: 'folder', stage };
  throw new JobError(
    'INVALID_JOB',
    'The job names no gallery: give "gallery" (a list) or "stage" (a folder below GALLERY_DIR).',
  );
}

function describeIssues(issues: readonly z.core.$ZodIssue[]): string {
  const named = issues
    .slice(0, MAX_PROBLEMS_NAMED)
    .map((issue) => `${issue.path.join('.') || 'data'}: ${issue.message}`);
  const more = issues.length - named.length;
  return more === 0 ? named.join('; ') : `${named.join('; ')}; and ${more} more`;
}
