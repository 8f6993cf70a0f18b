import crypto from 'node:crypto';
import { mkdtemp, rm } from 'node:fs/promises';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { DeleteObjectCommand, PutObjectCommand, S3Client } from '@aws-sdk/client-s3';
import S3rver from 's3rver';
import type { S3Config } from '../../src/shared/s3-config.js';

/** For sources that are folders. */
export const NO_S3: S3Config = { endpoint: null, region: null, pathStyle: false, credentials: null };

/** The only key that the server knows. Frozen, as in the configuration. */
const CREDENTIALS = Object.freeze({ accessKeyId: 'S3RVER', secretAccessKey: 'S3RVER' });
const BUCKET = 'photos';
/** So small that most listings have several pages. */
const KEYS_PER_PAGE = 3;

/** An S3 server with the bucket `photos`. */
export interface S3Server {
  readonly config: S3Config;
  /** The variables of a worker whose gallery is the bucket. */
  readonly environment: Readonly<Record<string, string>>;
  /** `METHOD /path?query` of each request since the start. */
  readonly requests: string[];
  /** Answers requests instead of the server if it returns `true`. */
  fault: ((request: IncomingMessage, response: ServerResponse) => boolean) | null;
  put(key: string, content: string | Buffer): Promise<void>;
  remove(key: string): Promise<void>;
  removeBucket(): Promise<void>;
  stop(): Promise<void>;
}

export async function startS3Server(): Promise<S3Server> {
  const directory = await mkdtemp(path.join(tmpdir(), 's3-'));
  const s3rver = new S3rver({ silent: true, directory, configureBuckets: [{ name: BUCKET }] });
  await s3rver.configureBuckets();
  const { store } = s3rver;
  const listObjects = store.listObjects.bind(store);
  store.listObjects = (bucket, options) =>
    listObjects(bucket, { ...options, maxKeys: Math.min(options.maxKeys, KEYS_PER_PAGE) });
  replaceDes();
  const answer = s3rver.callback();
  const http = createServer((request, response) => {
    server.requests.push(`${request.method} ${request.url}`);
    if (server.fault?.(request, response) !== true) answer(request, response);
  });
  await new Promise<void>((resolve) => {
    http.listen(0, '127.0.0.1', resolve);
  });
  const endpoint = `http://127.0.0.1:${(http.address() as AddressInfo).port}`;
  const client = new S3Client({
    endpoint,
    region: 'us-east-1',
    forcePathStyle: true,
    credentials: { ...CREDENTIALS },
    requestChecksumCalculation: 'WHEN_REQUIRED',
  });
  const server: S3Server = {
    config: { endpoint, region: 'us-east-1', pathStyle: true, credentials: CREDENTIALS },
    environment: {
      GALLERY_DIR: `s3://${BUCKET}`,
      AWS_ENDPOINT_URL_S3: endpoint,
      AWS_ACCESS_KEY_ID: CREDENTIALS.accessKeyId,
      AWS_SECRET_ACCESS_KEY: CREDENTIALS.secretAccessKey,
    },
    requests: [],
    fault: null,
    put: async (Key, Body) => {
      await client.send(
        new PutObjectCommand({
          Bucket: BUCKET,
          Key,
          Body: Buffer.from(Body),
          ContentLength: Buffer.byteLength(Body),
        }),
      );
    },
    remove: async (Key) => {
      await client.send(new DeleteObjectCommand({ Bucket: BUCKET, Key }));
    },
    removeBucket: () => rm(path.join(directory, BUCKET), { recursive: true }),
    stop: async () => {
      client.destroy();
      const closed = new Promise((resolve) => {
        http.close(resolve);
      });
      http.closeAllConnections();
      await closed;
      s3rver.logger.exceptions.unhandle();
      s3rver.logger.close();
      await rm(directory, { recursive: true, force: true });
    },
  };
  return server;
}

/** s3rver encrypts its continuation tokens with DES, which OpenSSL 3 no longer has. */
function replaceDes(): void {
  if (isDesReplaced) return;
  isDesReplaced = true;
  for (const name of ['createCipheriv', 'createDecipheriv'] as const) {
    const original = crypto[name] as (algorithm: string, key: Buffer, iv: Buffer) => unknown;
    Object.assign(crypto, {
      [name]: (algorithm: string, key: Buffer, iv: Buffer) =>
        algorithm === 'des'
          ? original('aes-128-cbc', Buffer.concat([key, key]), Buffer.concat([iv, iv]))
          : original(algorithm, key, iv),
    });
  }
}
let isDesReplaced = false;
