import type { SearchDetails } from '../../shared/job.js';
import type { WorkerRecord } from '../../shared/worker-record.js';

/**
 * The answers of the HTTP API, shared by the server and the page. Snake case as in the workers' records; times in
 * seconds since 1970, durations in seconds, `null` where a value is unknown.
 */

/** `trouble` needs a person, `away` is an offline machine, `waiting` is paused or between two states. */
export type Activity = 'busy' | 'idle' | 'waiting' | 'trouble' | 'away';

export interface WorkerView extends WorkerRecord {
  readonly activity: Activity;
  /** Seconds since its last heartbeat. */
  readonly heartbeat_age: number;
}

export interface QueueCounts {
  readonly waiting: number;
  /** Searches that run again as soon as their photos are indexed. The page counts them among the waiting ones. */
  readonly waiting_for_index: number;
  readonly active: number;
  readonly delayed: number;
  readonly completed: number;
  readonly failed: number;
}

/** `search` are the students' jobs, `index` the batches of photos that are new in a gallery. */
export type QueueKind = 'search' | 'index';

export interface QueueView {
  readonly kind: QueueKind;
  readonly name: string;
  /** The whole queue is paused: no worker takes a job of it. `counts.waiting` has the jobs that wait for it. */
  readonly paused: boolean;
  readonly counts: QueueCounts;
}

/** The whole fleet at one moment. */
export interface FleetSample {
  readonly at: number;
  /** With those that wait for their index. */
  readonly waiting: number;
  readonly active: number;
  /** Searches that ended since the sample before, of all workers. */
  readonly done: number;
  readonly failed: number;
  /** Seconds from a worker's taking a search to its end: quantiles of those that ended since the sample before. */
  readonly p50: number | null;
  readonly p95: number | null;
}

/** One worker at one moment. */
export interface WorkerSample {
  readonly at: number;
  /** 0..100 */
  readonly utilization: number | null;
  readonly memory_used_mb: number | null;
  readonly temperature: number | null;
  /** Searches since the start of its supervisor. */
  readonly done: number;
}

/** Event `history`, the first of `/api/events`: the last ten minutes, oldest first. */
export interface HistoryEvent {
  readonly fleet: readonly FleetSample[];
  /** By worker id. */
  readonly workers: Readonly<Record<string, readonly WorkerSample[]>>;
}

/** Event `fleet`, every two seconds. */
export interface FleetEvent {
  readonly at: number;
  readonly workers: readonly WorkerView[];
  readonly queues: readonly QueueView[];
  /** What is new for the charts, `null` where the last sample is still fresh. */
  readonly sample: { readonly fleet: FleetSample; readonly workers: HistoryWorkers } | null;
}

/** One new sample a worker. */
export type HistoryWorkers = Readonly<Record<string, WorkerSample>>;

export type JobState = 'waiting' | 'active' | 'delayed' | 'completed' | 'failed';

/** A job in a list: no selfie, no result. */
export interface JobSummary {
  readonly id: string;
  readonly name: string;
  readonly state: JobState;
  /** A delayed search that runs again as soon as its photos are indexed. */
  readonly waiting_for_index: boolean;
  /** The stage of a search, the folder of an index batch; `null` where the job names none. */
  readonly stage: string | null;
  /** Who asked for the search. */
  readonly uid: string | null;
  /** 0..100 */
  readonly progress: number;
  readonly added_at: number;
  readonly started_at: number | null;
  readonly ended_at: number | null;
  readonly attempts: number;
  readonly worker: string | null;
  readonly error: ApiProblem | null;
}

export interface JobDetails extends JobSummary {
  /** The job's data; images are replaced by their size. */
  readonly data: unknown;
  readonly log: readonly string[];
  readonly matches: readonly Match[] | null;
  readonly details: SearchDetails | null;
}

export interface Match {
  readonly id: string;
  /** 0..1 */
  readonly score: number;
  /** The same number as `score`. */
  readonly similarity: number;
  /** Shares (0..1) of the photo's width and height. */
  readonly box: {
    readonly x: number;
    readonly y: number;
    readonly width: number;
    readonly height: number;
  } | null;
  /** Where the photo can be seen, `null` where this machine does not have it. */
  readonly photo: string | null;
}

export interface Search {
  readonly id: string;
  readonly state: JobState;
  /** It is delayed until its photos are indexed, and then runs again. */
  readonly waiting_for_index: boolean;
  /** 0..100 */
  readonly progress: number;
  /** 1 for the search that is taken next, `null` once it has been taken. */
  readonly position: number | null;
  readonly stage: string | null;
  readonly added_at: number;
  readonly started_at: number | null;
  readonly ended_at: number | null;
  /** Best first, once it has completed. */
  readonly matches: readonly Match[] | null;
  /** How the answer came about, once it has completed. */
  readonly details: SearchDetails | null;
  /** Once it has failed. */
  readonly error: ApiProblem | null;
}

/**
 * The events of `/api/searches/:id/events`. After `result` or `failure` nothing follows.
 *
 * `failure` and not `error`: a browser's EventSource takes that for a broken connection.
 */
export interface SearchEvents {
  readonly state: Pick<Search, 'state' | 'waiting_for_index' | 'position' | 'progress'>;
  readonly result: Search;
  readonly failure: Search;
}

export interface Gallery {
  /** A folder below GALLERY_DIR, with forward slashes. */
  readonly stage: string;
  /** Pictures in it and below; `null` where this machine has no GALLERY_DIR. */
  readonly photos: number | null;
  /** How many of the fleet's known photos lie there. */
  readonly indexed: number;
}

export interface GalleryList {
  readonly galleries: readonly Gallery[];
  /** Whether this machine sees the photos: only then does the list include stages that are not indexed yet. */
  readonly stages_known: boolean;
}

/** One stage, and what the index holds of it. */
export interface GalleryDetails extends Gallery {
  /** Whose faces these are; `null` where this machine has no model files. */
  readonly model_pack: string | null;
  readonly index: {
    readonly photos: number;
    readonly faces: number;
    readonly without_faces: number;
    readonly redis_bytes: number;
    /** About what it takes in the memory of each worker that searches it. */
    readonly memory_bytes: number;
  } | null;
  readonly broken: number;
  /** The first of them. */
  readonly broken_photos: readonly BrokenPhoto[];
  /** While photos are being indexed. */
  readonly indexing: { readonly photos: number; readonly done: number } | null;
}

/** A photo that cannot be searched. */
export interface BrokenPhoto {
  readonly path: string;
  readonly reason: string;
  readonly failures: number;
  /** When workers try it again; `null` when the file changes, at the latest after a day. */
  readonly retry_at: number | null;
}

export interface IndexStarted {
  readonly stage: string;
  /** Photos that are new or have changed. */
  readonly photos: number;
  readonly batches: number;
}

export interface GalleryForgotten {
  readonly stage: string;
  readonly photos: number;
  readonly folders: number;
}

/** `/api/session`: what the page needs before anything else. */
export interface Session {
  readonly admitted: boolean;
  /** The client may look, but not search or change anything. */
  readonly read_only: boolean;
  readonly token_required: boolean;
  readonly version: string;
}

export interface ApiProblem {
  /** Stable. */
  readonly code: string;
  /** A sentence for a person. */
  readonly message: string;
}

/** The body of every answer that is not a success. */
export interface ApiFailure {
  readonly error: ApiProblem;
}
