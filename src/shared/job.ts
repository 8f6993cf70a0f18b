import { z } from 'zod';
import { JobError } from './errors.js';
import { withoutTrailingSlashes } from './trailing-slashes.js';

/** Problems of one job that an error names; it counts the rest. */
const MAX_PROBLEMS_NAMED = 5;
const MAX_SELFIES = 16;
/** Longest stage, id and path, in UTF-16 code units. */
const MAX_NAME_LENGTH = 1024;
const MAX_GALLERY_ENTRIES = 100_000;

/** Portals in many languages send `null` for fields that they do not set. */
const optional = <T extends z.ZodType>(schema: T) =>
  schema.nullish().transform((value) => value ?? undefined);

const name = z.string().min(1).max(MAX_NAME_LENGTH);
const galleryEntry = z.union(
  [z.object({ id: name, image: z.string().min(1) }), z.object({ id: name, path: name })],
  `must be { id, image } or { id, path }, all non-empty strings, id and path at most ${MAX_NAME_LENGTH} characters`,
);

const searchJob = z.object({
  image: optional(z.string().min(1)),
  images: optional(z.array(z.string().min(1)).min(1).max(MAX_SELFIES)),
  boxes: optional(z.boolean()),
  details: optional(z.boolean()),
  expand: optional(z.boolean()),
  stage: optional(z.string().max(MAX_NAME_LENGTH)),
  gallery: optional(z.array(galleryEntry).max(MAX_GALLERY_ENTRIES)),
  threshold: optional(z.number().min(0).max(1)),
  limit: optional(z.number().int().min(0)),
});

/** One inline photo (base64), or one photo file below `GALLERY_DIR`. */
export type GalleryEntry = z.infer<typeof galleryEntry>;

/** What the portal puts in the queue. Fields that the search does not need (`uid`, `timestamp`, …) are ignored. */
export interface SearchJob {
  /** The selfies of one person, at least one: base64, or data URLs. */
  readonly selfies: readonly string[];
  readonly gallery: GallerySource;
  /** Score (0..1) that a match must reach; `undefined` for the machine's default. */
  readonly threshold: number | undefined;
  /** Longest result list, 0 for all; `undefined` for the machine's default. */
  readonly limit: number | undefined;
  /** Whether a match has the box of the face. */
  readonly boxes: boolean;
  /** Whether the result explains itself, see {@link DetailedResult}. */
  readonly details: boolean;
  /** Whether confident matches may improve the probe for a second pass. */
  readonly expand: boolean;
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
  /** Only if the job asks for it. */
  readonly box?: RelativeBox;
}

/** Where a face is: shares (0..1) of the photo's width and height, as a person sees it. */
export interface RelativeBox {
  readonly x: number;
  readonly y: number;
  readonly width: number;
  readonly height: number;
}

/** What a search returns: the matches alone, or with `details: true` an object. */
export type SearchResult = readonly SearchMatch[] | DetailedResult;

export interface DetailedResult {
  readonly matches: readonly SearchMatch[];
  readonly details: SearchDetails;
}

/** Explains a result. Plain data, because it is stored as JSON. */
export interface SearchDetails {
  /** One entry per selfie, in the order of the job. */
  readonly selfies: readonly SelfieDetails[];
  /** Photos and faces that were compared. */
  readonly photos: number;
  readonly faces: number;
  readonly modelPack: string;
  /** Score (0..1) that a match had to reach. */
  readonly threshold: number;
  /** Confident matches that improved the probe for the second pass; 0 without a second pass. */
  readonly expandedBy: number;
  /** A sentence for the student if the selfie makes the result doubtful, else `null`. */
  readonly hint: string | null;
}

/** Clockwise. */
export type TurnDeg = 0 | 90 | 180 | 270;

export interface SelfieDetails {
  /** Clockwise turn that made the selfie upright; 0 for most. Boxes are those of the turned selfie. */
  readonly turnedDeg: TurnDeg;
  /** Best detection first. */
  readonly faces: readonly SelfieFace[];
  /** Index in `faces` of the face that was searched; `null` if this selfie was not used. */
  readonly searched: number | null;
  /** Why that face was searched, or why none was. */
  readonly reason: string;
}

export interface SelfieFace {
  readonly box: RelativeBox;
  /** Detection score, 0..1. */
  readonly score: number;
  /** Shorter side of the box, in pixels of the selfie. */
  readonly sizePx: number;
  /** Variance of the Laplacian of the aligned face: 0 (flat) to 65,535. */
  readonly sharpness: number;
  /** Mean luma of the aligned face: 0 (black) to 255. */
  readonly brightness: number;
  /** Rough turn to either side: 0 (frontal) to 90. */
  readonly yawDeg: number;
  /** Why the face is hard to recognise; `null` for a good face. */
  readonly problem: FaceProblem | null;
}

export type FaceProblem = 'too small' | 'too dark' | 'too bright' | 'blurred' | 'turned away';

/** @throws {JobError} `INVALID_JOB`, with the names of the invalid fields. It never quotes values, because they are photos. */
export function parseSearchJob(data: unknown): SearchJob {
  const parsed = searchJob.safeParse(data);
  if (!parsed.success) {
    throw new JobError('INVALID_JOB', `The job's data is invalid: ${describeIssues(parsed.error.issues)}.`);
  }
  const {
    image,
    images,
    stage,
    gallery,
    threshold,
    limit,
    boxes = false,
    details = false,
    expand = true,
  } = parsed.data;
  const selfies = [...(image === undefined ? [] : [image]), ...(images ?? [])];
  if (selfies.length === 0) {
    throw new JobError('INVALID_JOB', 'The job has no selfie: set "image" (one) or "images" (several).', {
      sentence: 'Your photo has been deleted. Please upload it again.',
    });
  }
  return { selfies, gallery: gallerySourceOf(gallery, stage), threshold, limit, boxes, details, expand };
}

function gallerySourceOf(gallery: GalleryEntry[] | undefined, stage: string | undefined): GallerySource {
  if (gallery !== undefined) return { kind: 'list', entries: gallery };
  // Each spelling of a stage would be scanned and kept in memory by itself.
  if (stage) return { kind: 'folder', stage: withoutTrailingSlashes(stage) || '/' };
  throw new JobError(
    'INVALID_JOB',
    'The job names no gallery: set "gallery" (a list) or "stage" (a folder below GALLERY_DIR).',
  );
}

function describeIssues(issues: readonly z.core.$ZodIssue[]): string {
  const named = issues
    .slice(0, MAX_PROBLEMS_NAMED)
    .map((issue) => `${issue.path.join('.') || 'data'}: ${issue.message}`);
  const more = issues.length - named.length;
  return more === 0 ? named.join('; ') : `${named.join('; ')}; and ${more} more`;
}
