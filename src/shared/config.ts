import { readFileSync } from 'node:fs';
import path from 'node:path';
import { parseEnv } from 'node:util';
import type { z } from 'zod';
import { DASHBOARD_HOST, environment as variables } from './environment.js';
import { ConfigError, messageOf } from './errors.js';

type Environment = Readonly<Record<string, string | undefined>>;

/** How to reach Redis. `password` is in no log and in no command line. */
export interface RedisConfig {
  readonly host: string;
  readonly port: number;
  readonly username: string | undefined;
  readonly password: string | undefined;
  readonly db: number;
  readonly tls: boolean;
}

/** The whole configuration, validated once and never changed. Plain data: it crosses IPC to the children. */
export interface Config {
  readonly redis: RedisConfig;
  readonly queue: { readonly name: string; readonly prefix: string };
  readonly hostname: string;
  readonly devices: {
    /** Indices of the GPUs to use, `null` for all. */
    readonly gpuIndices: readonly number[] | null;
    readonly cpuOnly: boolean;
    readonly cpuWorker: 'auto' | 'on' | 'off';
    readonly scanIntervalMs: number;
  };
  readonly engine: {
    readonly provider: 'auto' | 'cuda' | 'tensorrt' | 'webgpu' | 'dml' | 'coreml' | 'cpu';
    readonly modelPack: string;
    readonly modelsDir: string;
    /** Engine threads of a child; `null` chooses by the machine. */
    readonly threads: number | null;
    readonly maxImageBytes: number;
    readonly maxImagePixels: number;
  };
  readonly jobs: {
    /** Jobs that a child works on at the same time; `null` chooses by the engine. */
    readonly concurrency: number | null;
    /** Score (0..1) a match must reach. */
    readonly threshold: number;
    /** Longest result list; 0 for all. */
    readonly limit: number;
    readonly maxGalleryImages: number;
    /** Whether ended jobs keep their selfies. */
    readonly keepSelfies: boolean;
  };
  readonly gallery: {
    /** Absolute path, `null` where jobs may only bring inline pictures. */
    readonly dir: string | null;
    /** What the galleries in memory may take; those used longest ago are dropped. */
    readonly memoryBytes: number;
    /** Folder below `dir` with photos of people who are never to be found. */
    readonly excludedStage: string | null;
    /** What to do about photos of `excludedStage` in which nobody can be recognised. */
    readonly excludedUnusable: 'stall' | 'ignore';
    /** How long computed faces are kept in Redis; 0 for ever. */
    readonly retentionS: number;
    /** Faces below these limits are kept out of galleries. */
    readonly quality: {
      /** Shorter side of the face's box, in pixels of the photo. */
      readonly minFacePx: number;
      /** 0..65535, see `src/child/vision/crop-quality.ts`. */
      readonly minSharpness: number;
      /** Degrees that a face may be turned to a side. */
      readonly maxYawDeg: number;
    };
  };
  readonly supervision: {
    readonly shutdownTimeoutMs: number;
    readonly heartbeatIntervalMs: number;
    readonly pingTimeoutMs: number;
    readonly inferenceTimeoutMs: number;
    /** Resident memory at which a child is recycled; 0 for no limit. */
    readonly childMaxRssMb: number;
    /** Used memory of a GPU at which its child is recycled; 0 for no limit. */
    readonly gpuMaxMemoryMb: number;
  };
  readonly dashboard: {
    readonly host: string;
    /** `null` where this machine serves none; 0 for any that is free. */
    readonly port: number | null;
    /** What a caller has to know; `null` admits everybody, on the loopback interface alone. */
    readonly token: string | null;
    /** Searches that one client may ask for; 0 for any number. */
    readonly searchesPerMinute: number;
  };
  readonly logLevel: string;
}

/**
 * Reads `.env` below `directory` where there is one; `environment` wins over it. An empty value counts as not set.
 *
 * @throws {ConfigError} naming every wrong variable and what it may be
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
  ];
  if (!parsed.success || problems.length > 0) throw new ConfigError(problems);
  return freeze(toConfig(parsed.data, directory));
}

/** Whoever reaches the page sees selfies and stops workers: only this machine's own users may, or who has the token. */
function describeOpenDashboard(given: Environment): string[] {
  const host = given['DASHBOARD_HOST'] ?? DASHBOARD_HOST;
  const isLoopback = host === 'localhost' || host === '::1' || /^127(\.\d+){3}$/.test(host);
  if (isLoopback || given['DASHBOARD_PORT'] === 'off' || given['DASHBOARD_TOKEN'] !== undefined) return [];
  return [
    `DASHBOARD_TOKEN must be set where DASHBOARD_HOST is not a loopback address, but is ${JSON.stringify(host)}`,
  ];
}

const SECRET_VARIABLES: ReadonlySet<string> = new Set(['REDIS_PASSWORD', 'REDIS_URL', 'DASHBOARD_TOKEN']);

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
    throw new ConfigError([`${file} cannot be read: ${messageOf(error)}`]);
  }
  return parseEnv(text);
}

function toConfig(env: z.infer<typeof variables>, directory: string): Config {
  return {
    redis: redisOf(env),
    queue: { name: env.QUEUE_NAME, prefix: env.QUEUE_PREFIX },
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
      modelsDir: path.resolve(directory, env.MODELS_DIR ?? 'models'),
      threads: env.ENGINE_THREADS,
      maxImageBytes: env.MAX_IMAGE_BYTES,
      maxImagePixels: env.MAX_IMAGE_PIXELS,
    },
    jobs: {
      concurrency: env.WORKER_CONCURRENCY,
      threshold: env.MATCH_THRESHOLD,
      limit: env.MATCH_LIMIT,
      maxGalleryImages: env.MAX_GALLERY_IMAGES,
      keepSelfies: env.KEEP_SELFIES,
    },
    gallery: {
      dir: env.GALLERY_DIR === undefined ? null : path.resolve(directory, env.GALLERY_DIR),
      memoryBytes: env.GALLERY_MEMORY_MB * 2 ** 20,
      excludedStage: env.EXCLUDED_STAGE?.replace(/\/+$/, '') ?? null,
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
      pingTimeoutMs: env.PING_TIMEOUT_MS,
      inferenceTimeoutMs: env.INFERENCE_TIMEOUT_MS,
      childMaxRssMb: env.CHILD_MAX_RSS_MB,
      gpuMaxMemoryMb: env.GPU_MAX_MEMORY_MB,
    },
    dashboard: {
      host: env.DASHBOARD_HOST,
      port: env.DASHBOARD_PORT,
      token: env.DASHBOARD_TOKEN ?? null,
      searchesPerMinute: env.DASHBOARD_SEARCHES_PER_MINUTE,
    },
    logLevel: env.LOG_LEVEL,
  };
}

function redisOf(env: z.infer<typeof variables>): RedisConfig {
  if (env.REDIS_URL === undefined) {
    return {
      host: env.REDIS_HOST,
      port: env.REDIS_PORT,
      username: env.REDIS_USERNAME,
      password: env.REDIS_PASSWORD,
      db: env.REDIS_DB,
      tls: env.REDIS_TLS,
    };
  }
  const url = new URL(env.REDIS_URL);
  return {
    host: url.hostname.replace(/^\[|\]$/g, ''),
    port: url.port === '' ? 6379 : Number(url.port),
    username: decodePart(url.username),
    password: decodePart(url.password),
    db: Number(url.pathname.slice(1) || '0'),
    tls: url.protocol === 'rediss:',
  };
}

function decodePart(text: string): string | undefined {
  return text === '' ? undefined : decodeURIComponent(text);
}

function freeze<T extends object>(value: T): T {
  for (const nested of Object.values(value)) {
    if (typeof nested === 'object' && nested !== null) freeze(nested);
  }
  return Object.freeze(value);
}
