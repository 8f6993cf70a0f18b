import { z } from 'zod';
import type { SearchDetails } from '../../shared/job.js';

const box = z.object({ x: z.number(), y: z.number(), width: z.number(), height: z.number() });

const face = z.object({
  box,
  score: z.number().describe('how sure the detector is, 0..1'),
  sizePx: z.number().describe('shorter side of the box, in pixels of the selfie'),
  sharpness: z.number().describe('0 (flat) to 65,535'),
  brightness: z.number().describe('0 (black) to 255'),
  yawDeg: z.number().describe('turn to either side, 0 (frontal) to 90'),
  problem: z
    .enum(['too small', 'too dark', 'too bright', 'blurred', 'turned away'])
    .nullable()
    .describe('why the face is hard to recognise'),
});

const selfie = z.object({
  turnedDeg: z
    .union([z.literal(0), z.literal(90), z.literal(180), z.literal(270)])
    .describe('clockwise turn that brought the selfie upright'),
  faces: z.array(face).describe('best detection first'),
  searched: z.int().nullable().describe('index in `faces` of the face that was searched'),
  reason: z.string().describe('why that face was searched, or why none was'),
});

/** What a search with `details: true` tells about itself, see `SearchDetails`. */
export const searchDetails = z.object({
  selfies: z.array(selfie),
  photos: z.int().describe('photos that were compared'),
  faces: z.int().describe('faces that were compared'),
  modelPack: z.string(),
  threshold: z.number().describe('score that a match had to reach'),
  expandedBy: z.int().describe('matches that improved the probe for a second pass'),
  hint: z.string().nullable().describe('a sentence for the student if the selfie makes the answer doubtful'),
}) satisfies z.ZodType<SearchDetails>;

/** @returns `null` for a result without details */
export function detailsOf(result: unknown): SearchDetails | null {
  const parsed = z.object({ details: searchDetails }).safeParse(result);
  return parsed.data?.details ?? null;
}
