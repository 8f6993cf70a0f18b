import { hostname } from 'node:os';
import { z } from 'zod';
import { IGNORED_FOLDERS } from './ignored-folders.js';
import { parseRedisNode, type RedisNode } from './redis-config.js';
import { parseS3Url } from './s3-config.js';

/** One schema per variable: allowed values, default and error message. */

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

/** A list of servers. */
const redisNodes = (defaultPort: number) =>
  z
    .string()
    .transform((text, context): RedisNode[] => {
      const nodes = text.split(',').map((item) => parseRedisNode(item, defaultPort));
      const known = nodes.filter((node) => node !== null);
      if (known.length < nodes.length || nodes.length > MAX_REDIS_NODES)
        context.addIssue(`must be a list of servers such as redis-1:${defaultPort},redis-2:${defaultPort}`);
      return known;
    })
    .optional();

const MAX_REDIS_NODES = 100;

function isUsableRedisUrl(text: string): boolean {
  // The other check reports text that is not a URL.
  if (!URL.canParse(text)) return true;
  const { pathname, username, password, search, hash } = new URL(text);
  const hasParameters = search !== '' || hash !== '';
  return /^\/?\d*$/.test(pathname) && !hasParameters && !/%(?![\da-f]{2})/i.test(username + password);
}

export const DASHBOARD_HOST = '127.0.0.1';

export const environment = z.object({
  REDIS_URL: z
    .url({ protocol: /^rediss?$/, error: 'must look like redis://host:6379/0 or rediss://host:6379/0' })
    .refine(
      isUsableRedisUrl,
      'must end with a database number and have no parameters after it, and each % must be followed by two hexadecimal digits',
    )
    .optional(),
  REDIS_HOST: z.string().default('127.0.0.1'),
  REDIS_PORT: integer(1, 65_535, 6379),
  REDIS_USERNAME: z.string().optional(),
  REDIS_PASSWORD: z.string().optional(),
  REDIS_DB: integer(0, 1_000_000, 0),
  REDIS_TLS: flag,
  REDIS_SENTINELS: redisNodes(26_379),
  REDIS_SENTINEL_NAME: z.string().default('mymaster'),
  REDIS_SENTINEL_PASSWORD: z.string().optional(),
  REDIS_CLUSTER_NODES: redisNodes(6379),
  QUEUE_NAME: name('face-search'),
  QUEUE_PREFIX: z.string().max(100, 'must have 100 characters or fewer').optional(),
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
  MATCH_LIMIT: integer(0, 1_000_000, 10_000),
  GALLERY_DIR: z
    .string()
    .refine(
      (text) => !/^s3:/i.test(text) || parseS3Url(text) !== null,
      'must be a folder, or look like s3://bucket or s3://bucket/prefix',
    )
    .optional(),
  GALLERY_IGNORED_FOLDERS: z
    .string()
    .default(IGNORED_FOLDERS.join(','))
    .transform((text) =>
      text
        .split(',')
        .map((folder) => folder.trim().toLowerCase())
        .filter((folder) => folder !== ''),
    ),
  AWS_ENDPOINT_URL_S3: z.string().optional(),
  AWS_ENDPOINT_URL: z.string().optional(),
  AWS_REGION: z.string().optional(),
  AWS_DEFAULT_REGION: z.string().optional(),
  AWS_ACCESS_KEY_ID: z.string().optional(),
  AWS_SECRET_ACCESS_KEY: z.string().optional(),
  AWS_SESSION_TOKEN: z.string().optional(),
  S3_PATH_STYLE: oneOf(['auto', 'on', 'off'], 'auto'),
  GALLERY_MEMORY_MB: integer(1, 10_000_000, 2048),
  GALLERY_UPRIGHT: flag,
  EXCLUDED_STAGE: z.string().optional(),
  EXCLUDED_UNUSABLE: oneOf(['stall', 'ignore'], 'stall'),
  EMBEDDING_RETENTION_DAYS: integer(0, 100_000, 90),
  MIN_FACE_PX: integer(0, 10_000, 16),
  MIN_SHARPNESS: integer(0, 65_535, 0),
  MAX_YAW_DEG: integer(1, 90, 90),
  MODEL_PACK: name('mobilefacenet'),
  MODELS_DIR: z.string().optional(),
  MAX_IMAGE_BYTES: integer(1024, 1_000_000_000, 20_000_000),
  MAX_IMAGE_PIXELS: integer(4096, 2_000_000_000, 100_000_000),
  MAX_GALLERY_IMAGES: integer(1, 1_000_000, 1000),
  KEEP_SELFIES: flag,
  FAILED_SELFIE_RETENTION_HOURS: integer(0, 87_600, 24),
  SHUTDOWN_TIMEOUT_MS: integer(0, 3_600_000, 25_000),
  WORKER_RECORD_DAYS: integer(0, 36_500, 7),
  HEARTBEAT_INTERVAL_MS: integer(100, 10_000, 5000),
  PING_TIMEOUT_MS: integer(500, 3_600_000, 15_000),
  INFERENCE_TIMEOUT_MS: integer(500, 3_600_000, 60_000),
  DEVICE_SCAN_INTERVAL_MS: integer(200, 3_600_000, 30_000),
  CHILD_MAX_RSS_MB: autoOrInteger(0, 10_000_000),
  GPU_MAX_MEMORY_MB: integer(0, 10_000_000, 0),
  DASHBOARD_HOST: z.string().default(DASHBOARD_HOST),
  DASHBOARD_PORT: z
    .string()
    .regex(/^(off|\d+)$/, 'must be off or a port from 0 to 65535')
    .transform((text) => (text === 'off' ? null : Number(text)))
    .refine((port) => port === null || port <= 65_535, 'must be off or a port from 0 to 65535')
    .default(3000),
  DASHBOARD_TOKEN: z.string().min(16, 'must have 16 characters or more').optional(),
  DASHBOARD_READ_TOKEN: z.string().min(16, 'must have 16 characters or more').optional(),
  DASHBOARD_SEARCHES_PER_MINUTE: integer(0, 1_000_000, 60),
  LOG_LEVEL: oneOf(['trace', 'debug', 'info', 'warn', 'error', 'fatal', 'silent'], 'info'),
});
