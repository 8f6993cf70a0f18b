import { readFileSync } from 'node:fs';
import { availableParallelism } from 'node:os';
import path from 'node:path';
import { parseEnv } from 'node:util';
import type { z } from 'zod';
import { DASHBOARD_HOST, environment as variables } from './environment.js';
import { ConfigError, messageOf } from './errors.js';
import { defaultModelsDir } from './models-dir.js';
import { describeRedisConflicts, queuePrefixOf, type RedisConfig, redisConfigOf } from './redis-config.js';
import { describeS3Conflicts, parseS3Url, type S3Config, s3ConfigOf } from './s3-config.js';
import { withoutTrailingSlashes } from './trailing-slashes.js';

type Environment = Readonly<Record<string, string | undefined>>;

/** The validated, frozen configuration. It is plain data, because the children receive it over IPC. */
export interface Config {
  readonly redis: RedisConfig;
  readonly queue: { readonly name: string; readonly prefix: string };
  readonly hostname: string;
  readonly devices: {
    /** Indices of the GPUs to use; `null` for all. */
    readonly gpuIndices: readonly number[] | null;
    readonly cpuOnly: boolean;
    readonly cpuWorker: 'auto' | 'on' | 'off';
    readonly scanIntervalMs: number;
  };
  readonly engine: {
    readonly provider: 'auto' | 'cuda' | 'tensorrt' | 'webgpu' | 'dml' | 'coreml' | 'cpu';
    readonly modelPack: string;
    readonly modelsDir: string;
    /** Engine threads of a child; `null` depends on the machine. */
    readonly threads: number | null;
    readonly maxImageBytes: number;
    readonly maxImagePixels: number;
    /** Whether gallery photos that were turned without an EXIF orientation are turned back. */
    readonly galleryUpright: boolean;
  };
  readonly jobs: {
    /** Jobs that a child runs at the same time; `null` depends on the engine. */
    readonly concurrency: number | null;
    /** Lowest score of a match, 0..1. */
    readonly threshold: number;
    /** Longest list of matches; 0 for no limit. */
    readonly limit: number;
    readonly maxGalleryImages: number;
    /** Whether jobs that ended keep their selfies forever. */
    readonly keepSelfies: boolean;
    /** How long a failed job keeps its selfie, so that it can be retried; 0 deletes it at once. */
    readonly failedSelfieRetentionMs: number;
  };
  readonly gallery: {
    /** An absolute path or `s3://bucket/prefix`; `null` if jobs must bring their photos inline. */
    readonly dir: string | null;
    /** How to reach the bucket, if `dir` is one. */
    readonly s3: S3Config;
    /** Names of folders that are left out of galleries, in lower case. */
    readonly ignoredFolders: readonly string[];
    /** Memory for galleries. The least recently used are dropped. */
    readonly memoryBytes: number;
    /** Folder below `dir` with photos of people who must never be found. */
    readonly excludedStage: string | null;
    /** What to do about photos of `excludedStage` without a usable face. */
    readonly excludedUnusable: 'stall' | 'ignore';
    /** How long Redis keeps computed faces; 0 for no limit. */
    readonly retentionS: number;
    /** Galleries leave out faces below these limits. */
    readonly quality: {
      /** Shorter side of the face box, in pixels of the photo. */
      readonly minFacePx: number;
      /** 0..65535, see `src/child/vision/crop-quality.ts`. */
      readonly minSharpness: number;
      /** How far a face may be turned to the side, in degrees. */
      readonly maxYawDeg: number;
    };
  };
  readonly supervision: {
    readonly shutdownTimeoutMs: number;
    readonly heartbeatIntervalMs: number;
    /** How long Redis keeps the record of a worker that is gone; 0 for no limit. */
    readonly workerRecordS: number;
    readonly pingTimeoutMs: number;
    readonly inferenceTimeoutMs: number;
    /** Resident memory above which a child is replaced; 0 for no limit. */
    readonly childMaxRssMb: number;
    /** Used GPU memory above which the child is replaced; 0 for no limit. */
    readonly gpuMaxMemoryMb: number;
  };
  readonly dashboard: {
    readonly host: string;
    /** `null` for no dashboard on this machine; 0 for any free port. */
    readonly port: number | null;
    /** `null` allows every caller, but only on the loopback interface. */
    readonly token: string | null;
    /** Lets a client look, but not search or change anything; `null` for no such token. */
    readonly readToken: string | null;
    /** Searches that one client may request per minute; 0 for no limit. */
    readonly searchesPerMinute: number;
  };
  readonly logLevel: string;
}

/**
 * Reads `.env` in `directory` if it exists. Values in `environment` take precedence. An empty value counts as not set.
 *
 * @throws {ConfigError} with every invalid variable and its allowed values
 */
export function loadConfig(environment: Environment = process.env, directory = process.cwd()): Config {
  const merged = { ...readEnvFile(path.join(directory, '.env')), ...environment };
  const given = Object.fromEntries(
    Object.entries(merged).filter(([, value]) => value !== undefined && value !== ''),
  );
  const parsed = variables.safeParse(given);
  const problems = [
    ...(parsed.error?.issues ?? []).map((issue) => describeProblem(issue, given)),
    ...describeOpenDashboard(given),
    ...describeReadToken(given),
    ...(parsed.success
      ? [
          ...describeRedisConflicts(parsed.data),
          ...describeGalleryConflicts(parsed.data),
          ...describeS3Conflicts(parsed.data),
        ]
      : []),
  ];
  if (!parsed.success || problems.length > 0) throw new ConfigError(problems);
  return freeze(toConfig(parsed.data, directory));
}

/** The page shows selfies and can stop workers, so a dashboard on the network needs a token. */
function describeOpenDashboard(given: Environment): string[] {
  const host = given['DASHBOARD_HOST'] ?? DASHBOARD_HOST;
  const isLoopback = host === 'localhost' || host === '::1' || /^127(\.\d+){3}$/.test(host);
  if (isLoopback || given['DASHBOARD_PORT'] === 'off' || given['DASHBOARD_TOKEN'] !== undefined) return [];
  return [
    `DASHBOARD_TOKEN must be set if DASHBOARD_HOST is not a loopback address, but DASHBOARD_HOST is ${JSON.stringify(host)}`,
  ];
}

/** Memory of a child without galleries: models, threads and photos in flight. */
const CHILD_BASE_MB = 512;
/** Memory of an engine thread, with room for large photos. */
const ENGINE_THREAD_MB = 128;
const LEAST_MAX_RSS_MB = 4096;

/** A child of a machine with many cores has many engine threads. */
function defaultMaxRssMb(env: z.infer<typeof variables>): number {
  const threads = env.ENGINE_THREADS ?? availableParallelism();
  return Math.max(LEAST_MAX_RSS_MB, env.GALLERY_MEMORY_MB + CHILD_BASE_MB + ENGINE_THREAD_MB * threads);
}

function describeGalleryConflicts(env: z.infer<typeof variables>): string[] {
  const problems: string[] = [];
  if (env.GALLERY_DIR === undefined) {
    if (env.EXCLUDED_STAGE !== undefined)
      problems.push('GALLERY_DIR must be set if EXCLUDED_STAGE is: otherwise nobody would be excluded');
    return problems;
  }
  const leastMb = env.GALLERY_MEMORY_MB + CHILD_BASE_MB;
  const ownMb = env.CHILD_MAX_RSS_MB ?? 0;
  if (ownMb > 0 && ownMb < leastMb) {
    problems.push(
      `CHILD_MAX_RSS_MB must be at least ${leastMb} (GALLERY_MEMORY_MB + ${CHILD_BASE_MB}) or 0, but is ${ownMb}: a child with full galleries would be replaced again and again`,
    );
  }
  return problems;
}

/** Without a full token everyone has all rights, and equal tokens would give the reader all rights. */
function describeReadToken({ DASHBOARD_READ_TOKEN: read, DASHBOARD_TOKEN: full }: Environment): string[] {
  if (read === undefined) return [];
  if (full === undefined) return ['DASHBOARD_READ_TOKEN needs DASHBOARD_TOKEN, the token with all rights'];
  return read === full ? ['DASHBOARD_READ_TOKEN must differ from DASHBOARD_TOKEN'] : [];
}

const SECRET_VARIABLES: ReadonlySet<string> = new Set([
  'REDIS_PASSWORD',
  'REDIS_URL',
  'REDIS_SENTINEL_PASSWORD',
  'DASHBOARD_TOKEN',
  'DASHBOARD_READ_TOKEN',
  'AWS_SECRET_ACCESS_KEY',
  'AWS_SESSION_TOKEN',
]);

function describeProblem(issue: z.core.$ZodIssue, given: Environment): string {
  const variable = String(issue.path[0]);
  const value = SECRET_VARIABLES.has(variable) ? '(not shown)' : JSON.stringify(given[variable]);
  return `${variable} ${issue.message}, but is ${value}`;
}

function readEnvFile(file: string): Environment {
  let text: string;
  try {
    text = readFileSync(file, 'utf8');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return {};
    throw new ConfigError([`Cannot read ${file}: ${messageOf(error)}`]);
  }
  return parseEnv(text);
}

function toConfig(env: z.infer<typeof variables>, directory: string): Config {
  return {
    redis: redisConfigOf(env),
    queue: { name: env.QUEUE_NAME, prefix: queuePrefixOf(env) },
    hostname: env.WORKER_HOSTNAME,
    devices: {
      gpuIndices: env.GPU_INDEX ?? null,
      cpuOnly: env.USE_CPU,
      cpuWorker: env.CPU_WORKER,
      scanIntervalMs: env.DEVICE_SCAN_INTERVAL_MS,
    },
    engine: {
      provider: env.EXECUTION_PROVIDER,
      modelPack: env.MODEL_PACK,
      modelsDir:
        env.MODELS_DIR === undefined ? defaultModelsDir(directory) : path.resolve(directory, env.MODELS_DIR),
      threads: env.ENGINE_THREADS,
      maxImageBytes: env.MAX_IMAGE_BYTES,
      maxImagePixels: env.MAX_IMAGE_PIXELS,
      galleryUpright: env.GALLERY_UPRIGHT,
    },
    jobs: {
      concurrency: env.WORKER_CONCURRENCY,
      threshold: env.MATCH_THRESHOLD,
      limit: env.MATCH_LIMIT,
      maxGalleryImages: env.MAX_GALLERY_IMAGES,
      keepSelfies: env.KEEP_SELFIES,
      failedSelfieRetentionMs: env.FAILED_SELFIE_RETENTION_HOURS * 3_600_000,
    },
    gallery: {
      dir: env.GALLERY_DIR === undefined ? null : galleryDirOf(env.GALLERY_DIR, directory),
      s3: s3ConfigOf(env),
      ignoredFolders: env.GALLERY_IGNORED_FOLDERS,
      memoryBytes: env.GALLERY_MEMORY_MB * 2 ** 20,
      excludedStage: env.EXCLUDED_STAGE === undefined ? null : withoutTrailingSlashes(env.EXCLUDED_STAGE),
      excludedUnusable: env.EXCLUDED_UNUSABLE,
      retentionS: env.EMBEDDING_RETENTION_DAYS * 86_400,
      quality: {
        minFacePx: env.MIN_FACE_PX,
        minSharpness: env.MIN_SHARPNESS,
        maxYawDeg: env.MAX_YAW_DEG,
      },
    },
    supervision: {
      shutdownTimeoutMs: env.SHUTDOWN_TIMEOUT_MS,
      heartbeatIntervalMs: env.HEARTBEAT_INTERVAL_MS,
      workerRecordS: env.WORKER_RECORD_DAYS * 86_400,
      pingTimeoutMs: env.PING_TIMEOUT_MS,
      inferenceTimeoutMs: env.INFERENCE_TIMEOUT_MS,
      childMaxRssMb: env.CHILD_MAX_RSS_MB ?? defaultMaxRssMb(env),
      gpuMaxMemoryMb: env.GPU_MAX_MEMORY_MB,
    },
    dashboard: {
      host: env.DASHBOARD_HOST,
      port: env.DASHBOARD_PORT,
      token: env.DASHBOARD_TOKEN ?? null,
      readToken: env.DASHBOARD_READ_TOKEN ?? null,
      searchesPerMinute: env.DASHBOARD_SEARCHES_PER_MINUTE,
    },
    logLevel: env.LOG_LEVEL,
  };
}

function galleryDirOf(text: string, directory: string): string {
  return parseS3Url(text) === null ? path.resolve(directory, text) : withoutTrailingSlashes(text);
}

function freeze<T extends object>(value: T): T {
  for (const nested of Object.values(value)) {
    if (typeof nested === 'object' && nested !== null) freeze(nested);
  }
  return Object.freeze(value);
}
