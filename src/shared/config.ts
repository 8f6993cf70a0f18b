import { readFileSync } from 'node:fs';
import { hostname } from 'node:os';
import path from 'node:path';
import { parseEnv } from 'node:util';
import { z } from 'zod';
import { ConfigError, messageOf } from './errors.js';

type Environment = Readonly<Record<string, string | undefined>>;

const integer = (min: number, max: number, fallback: number) =>
  z
    .string()
    .regex(/^-?\d+$/, `must be a whole number from ${min} to ${max}`)
    .transform(Number)
    .refine((n) => n >= min && n <= max, `must be a whole number from ${min} to ${max}`)
    .default(fallback);

const autoOrInteger = (min: number, max: number) =>
  z
    .string()
    .regex(/^(auto|\d+)$/, `must be auto or a whole number from ${min} to ${max}`)
    .transform((text) => (text === 'auto' ? null : Number(text)))
    .refine(
      (n) => n === null || (n >= min && n <= max),
      `must be auto or a whole number from ${min} to ${max}`,
    )
    .default(null);

const oneOf = <const T extends readonly [string, ...string[]]>(values: T, fallback: T[number]) =>
  z.enum(values, `must be one of ${values.join(', ')}`).default(fallback as never);

const flag = z
  .enum(['0', '1', 'true', 'false'], 'must be 1 or 0')
  .default('0')
  .transform((text) => text === '1' || text === 'true');

const name = (fallback: string) =>
  z
    .string()
    .regex(/^[^:\s]+$/, 'must be a name without colons or spaces')
    .default(fallback);

function isUsableRedisUrl(text: string): boolean {
  // What is no URL at all is reported as that.
  if (!URL.canParse(text)) return true;
  const { pathname, username, password } = new URL(text);
  return /^\/?\d*$/.test(pathname) && !/%(?![\da-f]{2})/i.test(username + password);
}

const variables = z.object({
  REDIS_URL: z
    .url({ protocol: /^rediss?$/, error: 'must look like redis://host:6379/0 or rediss://host:6379/0' })
    .refine(
      isUsableRedisUrl,
      'must end with the number of a database, and its % must be followed by two hexadecimal digits',
    )
    .optional(),
  REDIS_HOST: z.string().default('127.0.0.1'),
  REDIS_PORT: integer(1, 65_535, 6379),
  REDIS_USERNAME: z.string().optional(),
  REDIS_PASSWORD: z.string().optional(),
  REDIS_DB: integer(0, 1_000_000, 0),
  REDIS_TLS: flag,
  QUEUE_NAME: name('face-search'),
  QUEUE_PREFIX: z.string().min(1).default('bull'),
  WORKER_HOSTNAME: name(hostname()),
  GPU_INDEX: z
    .string()
    .regex(/^\s*\d+(\s*,\s*\d+)*\s*$/, 'must be a list of GPU indices, for example 0 or 0,2')
    .transform((text) => [...new Set(text.split(',').map(Number))].toSorted((a, b) => a - b))
    .optional(),
  USE_CPU: flag,
  CPU_WORKER: oneOf(['auto', 'on', 'off'], 'auto'),
  EXECUTION_PROVIDER: oneOf(['auto', 'cuda', 'tensorrt', 'webgpu', 'dml', 'coreml', 'cpu'], 'auto'),
  WORKER_CONCURRENCY: autoOrInteger(1, 64),
  ENGINE_THREADS: autoOrInteger(1, 64),
  MATCH_THRESHOLD: z
    .string()
    .regex(/^(0(\.\d+)?|1(\.0+)?|\.\d+)$/, 'must be a number from 0 to 1')
    .transform(Number)
    .default(0.6),
  MATCH_LIMIT: integer(0, 1_000_000, 0),
  GALLERY_DIR: z.string().optional(),
  GALLERY_MEMORY_MB: integer(1, 10_000_000, 2048),
  EXCLUDED_STAGE: z.string().optional(),
  EMBEDDING_RETENTION_DAYS: integer(0, 100_000, 90),
  MIN_FACE_PX: integer(0, 10_000, 16),
  MIN_SHARPNESS: integer(0, 65_535, 0),
  MAX_YAW_DEG: integer(1, 90, 90),
  MODEL_PACK: name('mobileface'),
  MODELS_DIR: z.string().optional(),
  MAX_IMAGE_BYTES: integer(1024, 1_000_000_000, 20_000_000),
  MAX_IMAGE_PIXELS: integer(4096, 2_000_000_000, 100_000_000),
  MAX_GALLERY_IMAGES: integer(1, 1_000_000, 1000),
  KEEP_SELFIES: flag,
  SHUTDOWN_TIMEOUT_MS: integer(0, 3_600_000, 25_000),
  HEARTBEAT_INTERVAL_MS: integer(100, 10_000, 5000),
  PING_TIMEOUT_MS: integer(500, 3_600_000, 15_000),
  INFERENCE_TIMEOUT_MS: integer(500, 3_600_000, 60_000),
  DEVICE_SCAN_INTERVAL_MS: integer(200, 3_600_000, 30_000),
  CHILD_MAX_RSS_MB: integer(0, 10_000_000, 4096),
  GPU_MAX_MEMORY_MB: integer(0, 10_000_000, 0),
  LOG_LEVEL: oneOf(['trace', 'debug', 'info', 'warn', 'error', 'fatal', 'silent'], 'info'),
});

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
    /** How long computed faces are kept in Redis; 0 for ever. */
    readonly retentionS: number;
    /** Faces below these limits are kept out of galleries. */
    readonly quality: {
      /** Shorter side of the face's box, in pixels of the photo. */
      readonly minFacePx: number;
      /** 0..65535, see `src/child/pipeline/sharpness.ts`. */
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
  if (!parsed.success) {
    throw new ConfigError(parsed.error.issues.map((issue) => describeProblem(issue, given)));
  }
  return freeze(toConfig(parsed.data, directory));
}

const SECRET_VARIABLES: ReadonlySet<string> = new Set(['REDIS_PASSWORD', 'REDIS_URL']);

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
