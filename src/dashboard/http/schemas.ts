import { z } from 'zod';
import { SEARCH_STAGES } from '../../shared/durations.js';
import { WORKER_STATUSES } from '../../shared/worker-record.js';
import { searchDetails } from '../jobs/search-details.js';
import type {
  ApiFailure,
  Gallery,
  GalleryDetails,
  GalleryForgotten,
  GalleryList,
  IndexStarted,
  JobDetails,
  JobSummary,
  Match,
  Search,
  Session,
  WorkerView,
} from '../api/api.js';

/** The answers of the API as JSON schemas: fastify serialises by them, and the OpenAPI document shows them. */

const share = z.number().min(0).max(1);
const percent = z.number().min(0).max(100);
const seconds = z.number().describe('seconds since 1970');
const jobState = z.enum(['waiting', 'active', 'delayed', 'completed', 'failed']);

const waitingForIndex = z
  .boolean()
  .describe('whether a delayed search runs again as soon as its photos are indexed');

const problem = z.object({
  code: z.string().describe('stable: programs may branch on it'),
  message: z.string().describe('a sentence for a person'),
});
const failure = z.object({ error: problem }) satisfies z.ZodType<ApiFailure>;

const match = z.object({
  id: z.string().describe("the photo's path below GALLERY_DIR, or its id in the job's own list"),
  score: share.describe('how alike the faces are'),
  similarity: share.describe('the same number as score, under the name that older gallery pages read'),
  box: z
    .object({ x: z.number(), y: z.number(), width: z.number(), height: z.number() })
    .nullable()
    .describe("shares (0..1) of the photo's width and height"),
  photo: z.string().nullable().describe('where the photo can be seen'),
}) satisfies z.ZodType<Match>;

const search = z.object({
  id: z.string(),
  state: jobState,
  waiting_for_index: waitingForIndex,
  progress: percent,
  position: z.int().nullable().describe('1 for the search that is taken next, null once it has been taken'),
  stage: z.string().nullable(),
  added_at: seconds,
  started_at: seconds.nullable(),
  ended_at: seconds.nullable(),
  matches: z.array(match).nullable().describe('best first, once it has completed'),
  details: searchDetails.nullable().describe('how the answer came about, once it has completed'),
  error: problem.nullable().describe('once it has failed'),
}) satisfies z.ZodType<Search>;

const jobSummary = z.object({
  id: z.string(),
  name: z.string(),
  state: jobState,
  waiting_for_index: waitingForIndex,
  stage: z.string().nullable(),
  uid: z.string().nullable(),
  progress: percent,
  added_at: seconds,
  started_at: seconds.nullable(),
  ended_at: seconds.nullable(),
  attempts: z.int(),
  worker: z.string().nullable(),
  error: problem.nullable(),
}) satisfies z.ZodType<JobSummary>;

const jobDetails = jobSummary.extend({
  data: z.unknown().describe('as it was added, but images are replaced by their size'),
  log: z.array(z.string()),
  matches: z.array(match).nullable(),
  details: searchDetails.nullable(),
}) satisfies z.ZodType<JobDetails>;

const gallery = z.object({
  stage: z.string(),
  photos: z.int().nullable(),
  indexed: z.int(),
}) satisfies z.ZodType<Gallery>;
const galleryDetails = gallery.extend({
  model_pack: z.string().nullable().describe('whose faces these are; null without model files'),
  index: z
    .object({
      photos: z.int().describe('photos that are indexed'),
      faces: z.int(),
      without_faces: z.int().describe('indexed photos without a face'),
      redis_bytes: z.int().describe('memory of Redis'),
      memory_bytes: z.int().describe('about the memory in each worker that searches the stage'),
    })
    .nullable(),
  broken: z.int().describe('photos that cannot be searched'),
  broken_photos: z
    .array(
      z.object({
        path: z.string(),
        reason: z.string(),
        failures: z.int(),
        retry_at: seconds
          .nullable()
          .describe('null if it is tried again when the file changes, or after a day'),
      }),
    )
    .describe('the first of them'),
  indexing: z
    .object({ photos: z.int(), done: z.int() })
    .nullable()
    .describe('while photos are being indexed'),
}) satisfies z.ZodType<GalleryDetails>;
const galleryList = z.object({
  galleries: z.array(gallery),
  stages_known: z.boolean().describe('whether this machine has a GALLERY_DIR'),
}) satisfies z.ZodType<GalleryList>;
const indexStarted = z.object({
  stage: z.string(),
  photos: z.int(),
  batches: z.int(),
}) satisfies z.ZodType<IndexStarted>;
const galleryForgotten = z.object({
  stage: z.string(),
  photos: z.int(),
  folders: z.int(),
}) satisfies z.ZodType<GalleryForgotten>;

const optOut = z.object({
  id: z.string(),
  added: seconds,
  model_pack: z.string().describe('key of the model pack whose faces are left out'),
});

const histogram = z.object({ counts: z.array(z.int()), sum: z.number() });

/** The fields that every reader needs; the others go through unchanged. */
const worker = z
  .looseObject({
    id: z.string(),
    hostname: z.string(),
    status: z.enum(WORKER_STATUSES),
    activity: z.enum(['busy', 'idle', 'waiting', 'trouble', 'away']),
    heartbeat_age: z.number().describe('seconds'),
    last_heartbeat: seconds,
    reported_at: seconds,
    gpu_name: z.string().nullable(),
    gpu_utilization: percent.nullable(),
    gpu_temperature: z.number().nullable().describe('degrees Celsius'),
    gpu_memory_used_mb: z.number().nullable(),
    jobs_processed: z.int(),
    jobs_failed: z.int(),
    current_job: z.string().nullable(),
    restarts: z.int(),
    status_reason: z.string().nullable(),
    durations: z.record(z.enum(SEARCH_STAGES), histogram).optional(),
  })
  .describe(
    'a record of the hash `workers` (docs/operations.md), with activity and heartbeat_age',
  ) satisfies z.ZodType<
  Pick<WorkerView, 'id' | 'hostname' | 'status' | 'activity' | 'heartbeat_age' | 'jobs_processed'>
>;

const session = z.object({
  admitted: z.boolean(),
  read_only: z.boolean().describe('whether the client may look, but not search or change anything'),
  token_required: z.boolean(),
  version: z.string(),
}) satisfies z.ZodType<Session>;

const list = <T extends z.ZodType>(name: string, item: T) => z.object({ [name]: z.array(item) });

/** Bodies of answers. */
export const ANSWERS = {
  failure: schemaOf(failure),
  session: schemaOf(session),
  search: schemaOf(search),
  workers: schemaOf(list('workers', worker)),
  commanded: schemaOf(
    z.object({ workers: z.array(z.string()).describe('ids of the workers that the command addresses') }),
  ),
  jobs: schemaOf(z.object({ jobs: z.array(jobSummary), total: z.int() })),
  job: schemaOf(jobDetails),
  galleries: schemaOf(galleryList),
  gallery: schemaOf(galleryDetails),
  indexStarted: schemaOf(indexStarted),
  galleryForgotten: schemaOf(galleryForgotten),
  optOuts: schemaOf(list('opt_outs', optOut)),
  ok: schemaOf(z.object({ status: z.literal('ok') })),
};

/** Bodies of requests. The handlers check them: their messages are clearer than a validator's. */
export const BODIES = {
  search: schemaOf(
    z.looseObject({
      image: z.string().optional().describe('the selfie: base64 or a data URL'),
      images: z.array(z.string()).optional().describe('several selfies of the person'),
      uid: z.string().optional().describe('the user; each user has one search at a time'),
      stage: z.string().optional().describe('a folder below GALLERY_DIR'),
      gallery: z.array(z.unknown()).optional().describe('instead of a stage: { id, image } or { id, path }'),
      threshold: share.optional(),
      limit: z.int().min(0).optional().describe('maximum number of matches, 0 for all'),
      expand: z
        .boolean()
        .optional()
        .describe('whether confident matches may improve the search; true by default'),
    }),
  ),
  searchForm: schemaOf(
    z.object({
      image: z.string().meta({ format: 'binary' }).describe('one file or several'),
      uid: z.string().optional(),
      stage: z.string(),
      threshold: z.string().optional(),
      limit: z.string().optional(),
    }),
  ),
  token: schemaOf(z.object({ token: z.string() })),
};

function schemaOf(schema: z.ZodType): object {
  return z.toJSONSchema(schema, { target: 'draft-7', io: 'output' });
}
