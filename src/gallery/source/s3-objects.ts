import { setTimeout as sleep } from 'node:timers/promises';
import type { GetObjectCommandOutput, ListObjectsV2CommandInput, S3Client } from '@aws-sdk/client-s3';
import { ImageError } from '../../shared/errors.js';
import type { S3Config } from '../../shared/s3-config.js';

/** Tries of one request, with exponential backoff and jitter between them. */
const ATTEMPTS = 4;
/** Of one try. */
const CONNECT_TIMEOUT_MS = 3000;
const RESPONSE_TIMEOUT_MS = 10_000;
/** A download of an object gives up after this time with all its tries. */
const DOWNLOAD_DEADLINE_MS = 60_000;
/** A download whose connection breaks starts again after this long; then twice as long, and so on. */
const RETRY_DELAY_MS = 200;
/** Sockets of this process to the store. */
const MAX_SOCKETS = 16;

/** An object of the bucket. */
export interface S3Object {
  readonly key: string;
  readonly sizeBytes: number;
  readonly changedMs: number;
  /** Changes with the content; a few stores have none. */
  readonly etag: string | undefined;
}

/** The requests that a gallery needs. They reject with the errors of the AWS SDK and of Node. */
export interface S3Objects {
  /** Objects whose keys start with the prefix, a page after another. */
  pages(prefix: string): AsyncIterable<readonly S3Object[]>;
  /** One object whose key starts with the prefix, or `null`. */
  first(prefix: string, signal: AbortSignal): Promise<S3Object | null>;
  /** Whether the object can be read. @throws without the permission */
  head(key: string, signal: AbortSignal): Promise<void>;
  /**
   * The bytes of an object. They never take more memory than `maxBytes`.
   *
   * @throws {ImageError} it is empty or larger
   */
  get(key: string, maxBytes: number): Promise<Buffer>;
}

export function createS3Objects(bucket: string, config: S3Config): S3Objects {
  let opening: Promise<OpenClient> | null = null;
  const open = (): Promise<OpenClient> => (opening ??= openClient(config));

  const download = async (key: string, maxBytes: number, signal: AbortSignal): Promise<Buffer> => {
    const { sdk, client } = await open();
    for (let attempt = 1; ; attempt += 1) {
      const response = await client.send(new sdk.GetObjectCommand({ Bucket: bucket, Key: key }), {
        abortSignal: signal,
      });
      try {
        return await collect(response, maxBytes, signal);
      } catch (error) {
        // The SDK tries a request again, but not a response that breaks off.
        if (error instanceof ImageError || attempt === ATTEMPTS) throw error;
        await sleep(RETRY_DELAY_MS * 2 ** (attempt - 1) * (0.5 + Math.random() / 2), null, { signal });
      }
    }
  };

  const list = async (
    range: Pick<ListObjectsV2CommandInput, 'Prefix' | 'ContinuationToken' | 'MaxKeys'>,
    signal?: AbortSignal,
  ): Promise<{ readonly objects: readonly S3Object[]; readonly nextToken: string | undefined }> => {
    const { sdk, client } = await open();
    // XML cannot hold every character of a key.
    const command = new sdk.ListObjectsV2Command({ Bucket: bucket, EncodingType: 'url', ...range });
    const page = await client.send(command, signal === undefined ? {} : { abortSignal: signal });
    const objects = (page.Contents ?? []).map(({ Key = '', Size = 0, LastModified, ETag = '' }) => ({
      key: page.EncodingType === 'url' ? decodeKey(Key) : Key,
      sizeBytes: Size,
      changedMs: LastModified?.getTime() ?? 0,
      etag: ETag.replaceAll(/[^\w-]/g, '') || undefined,
    }));
    return { objects, nextToken: page.IsTruncated === true ? page.NextContinuationToken : undefined };
  };

  return {
    pages: async function* (prefix) {
      let token: string | undefined;
      do {
        const page = await list({ Prefix: prefix, ContinuationToken: token });
        yield page.objects;
        token = page.nextToken;
      } while (token !== undefined);
    },
    first: async (prefix, signal) => (await list({ Prefix: prefix, MaxKeys: 1 }, signal)).objects[0] ?? null,
    head: async (key, signal) => {
      const { sdk, client } = await open();
      await client.send(new sdk.HeadObjectCommand({ Bucket: bucket, Key: key }), { abortSignal: signal });
    },
    get: (key, maxBytes) => download(key, maxBytes, AbortSignal.timeout(DOWNLOAD_DEADLINE_MS)),
  };
}

interface OpenClient {
  readonly sdk: typeof import('@aws-sdk/client-s3');
  readonly client: S3Client;
}

/** Loads the AWS SDK, which takes a third of a second, only where a gallery needs it. */
async function openClient({ endpoint, region, pathStyle, credentials }: S3Config): Promise<OpenClient> {
  const sdk = await import('@aws-sdk/client-s3');
  const client = new sdk.S3Client({
    ...(endpoint !== null && { endpoint }),
    ...(region !== null && { region }),
    // A copy, because the SDK adds to it, and the configuration is frozen.
    ...(credentials !== null && { credentials: { ...credentials } }),
    forcePathStyle: pathStyle,
    maxAttempts: ATTEMPTS,
    // Most other stores than AWS do not know the newer checksums.
    requestChecksumCalculation: 'WHEN_REQUIRED',
    responseChecksumValidation: 'WHEN_REQUIRED',
    requestHandler: {
      connectionTimeout: CONNECT_TIMEOUT_MS,
      requestTimeout: RESPONSE_TIMEOUT_MS,
      throwOnRequestTimeout: true,
      httpAgent: { keepAlive: true, maxSockets: MAX_SOCKETS },
      httpsAgent: { keepAlive: true, maxSockets: MAX_SOCKETS },
    },
  });
  return { sdk, client };
}

async function collect(
  { Body, ContentLength }: GetObjectCommandOutput,
  maxBytes: number,
  signal: AbortSignal,
): Promise<Buffer> {
  const body = Body as NodeJS.ReadableStream & { destroy(): void };
  // The SDK forgets the signal once the response has begun.
  const onAbort = (): void => body.destroy();
  signal.addEventListener('abort', onAbort, { once: true });
  try {
    if ((ContentLength ?? 0) > maxBytes) throw tooLarge(`${ContentLength}`, maxBytes);
    const chunks: Buffer[] = [];
    let bytes = 0;
    for await (const chunk of body) {
      chunks.push(chunk as Buffer);
      bytes += chunk.length;
      if (bytes > maxBytes) throw tooLarge(`more than ${maxBytes}`, maxBytes);
    }
    signal.throwIfAborted();
    if (ContentLength !== undefined && bytes < ContentLength) throw new BrokenDownloadError();
    if (bytes === 0) throw new ImageError('The image is empty.');
    return Buffer.concat(chunks);
  } catch (error) {
    body.destroy();
    signal.throwIfAborted();
    throw error;
  } finally {
    signal.removeEventListener('abort', onAbort);
  }
}

/** The connection ended before the whole object had arrived. */
export class BrokenDownloadError extends Error {
  override readonly name = 'BrokenDownloadError';
}

function tooLarge(size: string, maxBytes: number): ImageError {
  return new ImageError(`The image has ${size} bytes; at most ${maxBytes} are allowed.`, 'too-large');
}

/** `encodeURIComponent` with `+` for a space. A key that is not encoded so stays as it is. */
function decodeKey(key: string): string {
  try {
    return decodeURIComponent(key.replaceAll('+', ' '));
  } catch {
    return key;
  }
}
