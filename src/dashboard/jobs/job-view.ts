import type { Job, JobState as BullState, Queue } from 'bullmq';
import type { SearchMatch } from '../../shared/job.js';
import type { JobState, Match } from '../api/api.js';

/** Of a text in a job's data, a person needs no more than this; what is longer is a picture. */
const MAX_TEXT = 200;

const STATES: Readonly<Record<BullState, JobState>> = {
  waiting: 'waiting',
  prioritized: 'waiting',
  active: 'active',
  'waiting-children': 'waiting_children',
  delayed: 'delayed',
  completed: 'completed',
  failed: 'failed',
};

/** `null` for a job that is gone. */
export async function readState(queue: Queue, id: string): Promise<JobState | null> {
  const state = await queue.getJobState(id);
  return state === 'unknown' ? null : STATES[state];
}

/** The result of a search that has completed, with where each photo can be seen. */
export function matchesOf(job: Job): Match[] | null {
  if (!Array.isArray(job.returnvalue)) return null;
  return (job.returnvalue as SearchMatch[]).map(({ id, score, box }, rank) => ({
    id,
    score,
    similarity: score,
    box: box ?? null,
    photo:
      pathOf(job, id) === null ? null : `/api/searches/${encodeURIComponent(job.id ?? '')}/photos/${rank}`,
  }));
}

/** Where a match's photo lies below `GALLERY_DIR`; `null` for a picture that the job brought itself. */
export function pathOf(job: Job, matchId: string): string | null {
  const { gallery } = job.data as { gallery?: unknown };
  if (!Array.isArray(gallery)) return matchId;
  const entry = (gallery as { id?: unknown; path?: unknown }[]).find(({ id }) => id === matchId);
  return typeof entry?.path === 'string' ? entry.path : null;
}

/** A job's data for a person: pictures are replaced by their size. */
export function withoutImages(value: unknown): unknown {
  if (typeof value === 'string') {
    return value.length <= MAX_TEXT ? value : `(${Math.ceil(value.length / 1024)} kB, not shown)`;
  }
  if (Array.isArray(value)) return value.map(withoutImages);
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(
    Object.entries(value).map(([key, entry]) => [
      key,
      // However small, a picture is a picture.
      (key === 'image' || key === 'images') && entry !== null ? hidden(entry) : withoutImages(entry),
    ]),
  );
}

function hidden(pictures: unknown): unknown {
  if (Array.isArray(pictures)) return pictures.map(hidden);
  return typeof pictures === 'string'
    ? `(picture, ${Math.ceil((pictures.length * 3) / 4096)} kB)`
    : '(picture)';
}
