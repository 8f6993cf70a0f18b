import type { z } from 'zod';
import type { environment } from './environment.js';

/** How to reach an S3-compatible store. The credentials never appear in logs or records. */
export interface S3Config {
  /** `null` for AWS. */
  readonly endpoint: string | null;
  /** `null` if the AWS SDK has to find it, for example in a profile. */
  readonly region: string | null;
  /** Whether the bucket is part of the URL's path instead of its host name. */
  readonly pathStyle: boolean;
  /** `null` if the AWS SDK has to find them: a profile, or the role of this machine. */
  readonly credentials: {
    readonly accessKeyId: string;
    readonly secretAccessKey: string;
    readonly sessionToken?: string;
  } | null;
}

export interface S3Location {
  readonly bucket: string;
  /** Of all keys of the gallery: empty, or ends with a slash. */
  readonly prefix: string;
}

/** Names of buckets: 3 to 63 lower-case letters, digits, dots and hyphens. */
const S3_URL = /^s3:\/\/([a-z0-9][a-z0-9.-]{1,61}[a-z0-9])(?:\/(.*))?$/s;

/** @returns `null` for anything but `s3://bucket` or `s3://bucket/prefix` */
export function parseS3Url(text: string): S3Location | null {
  const [, bucket, path = ''] = S3_URL.exec(text) ?? [];
  if (bucket === undefined) return null;
  const prefix = path
    .split('/')
    .filter((name) => name !== '')
    .join('/');
  return { bucket, prefix: prefix === '' ? '' : `${prefix}/` };
}

export function s3ConfigOf(env: z.infer<typeof environment>): S3Config {
  const endpoint = env.AWS_ENDPOINT_URL_S3 ?? env.AWS_ENDPOINT_URL ?? null;
  const { AWS_ACCESS_KEY_ID: accessKeyId, AWS_SECRET_ACCESS_KEY: secretAccessKey } = env;
  return {
    endpoint,
    // Other stores than AWS accept any region, and most document this one.
    region: env.AWS_REGION ?? env.AWS_DEFAULT_REGION ?? (endpoint === null ? null : 'us-east-1'),
    pathStyle: env.S3_PATH_STYLE === 'auto' ? endpoint !== null : env.S3_PATH_STYLE === 'on',
    credentials:
      accessKeyId === undefined || secretAccessKey === undefined
        ? null
        : {
            accessKeyId,
            secretAccessKey,
            ...(env.AWS_SESSION_TOKEN !== undefined && { sessionToken: env.AWS_SESSION_TOKEN }),
          },
  };
}

/** Only for a gallery in S3: other programs may need other values of the usual variables. */
export function describeS3Conflicts(env: z.infer<typeof environment>): string[] {
  if (env.GALLERY_DIR === undefined || parseS3Url(env.GALLERY_DIR) === null) return [];
  const problems: string[] = [];
  for (const variable of ['AWS_ENDPOINT_URL_S3', 'AWS_ENDPOINT_URL'] as const) {
    if (env[variable] !== undefined && !isEndpoint(env[variable]))
      problems.push(`${variable} must look like https://s3.example.org, without a user name or a password`);
  }
  if ((env.AWS_ACCESS_KEY_ID === undefined) !== (env.AWS_SECRET_ACCESS_KEY === undefined))
    problems.push('AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY must be set together, but one of them is not');
  return problems;
}

function isEndpoint(text: string): boolean {
  if (!URL.canParse(text)) return false;
  const { protocol, username, password } = new URL(text);
  return /^https?:$/.test(protocol) && username === '' && password === '';
}
