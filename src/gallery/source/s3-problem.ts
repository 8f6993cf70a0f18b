import type { S3Config } from '../../shared/s3-config.js';

interface S3Place {
  readonly bucket: string;
  readonly config: S3Config;
}

/** The parts of an error of the AWS SDK or of Node that tell what is wrong. */
interface S3Failure {
  readonly name?: string;
  readonly code?: string;
  readonly message?: string;
  readonly Region?: string;
  readonly $metadata?: { readonly httpStatusCode?: number };
  readonly $response?: { readonly headers?: Readonly<Record<string, string>> };
}

/** Certificates that Node does not trust. */
const CERTIFICATE = /^(CERT_|ERR_TLS_|UNABLE_TO_|DEPTH_ZERO_|SELF_SIGNED_)/;

/**
 * Why a bucket cannot be read, for operators. Contains no text of the store or the SDK, because that may hold keys and
 * file names.
 */
export function describeS3Failure(error: unknown, place: S3Place): string {
  return `GALLERY_DIR cannot be read: ${reasonOf(error as S3Failure, place)}`;
}

/** The object is not there; the bucket is. */
export function isMissing(error: unknown): boolean {
  const { name, $metadata } = error as S3Failure;
  return name !== 'NoSuchBucket' && (name === 'NoSuchKey' || $metadata?.httpStatusCode === 404);
}

export function isAccessDenied(error: unknown): boolean {
  return (error as S3Failure).name === 'AccessDenied';
}

/** Objects in an archive, such as Glacier, and objects encrypted with a key of the client. */
export function isUnreadableObject(error: unknown): boolean {
  return ['InvalidObjectState', 'InvalidRequest', 'KeyTooLongError'].includes(
    (error as S3Failure).name ?? '',
  );
}

function reasonOf(error: S3Failure, { bucket, config }: S3Place): string {
  const status = error.$metadata?.httpStatusCode;
  const host = config.endpoint === null ? 'S3' : new URL(config.endpoint).host;
  switch (error.name ?? '') {
    case 'NoSuchBucket':
      return `the bucket "${bucket}" does not exist`;
    case 'CredentialsProviderError':
      return 'there are no credentials; set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or give this machine a profile or a role';
    case 'InvalidAccessKeyId':
      return 'the store does not know the access key; check AWS_ACCESS_KEY_ID';
    case 'SignatureDoesNotMatch':
      return 'the secret key is wrong; check AWS_SECRET_ACCESS_KEY';
    case 'ExpiredToken':
    case 'ExpiredTokenException':
    case 'InvalidToken':
    case 'TokenRefreshRequired':
      return 'the session token is invalid or has expired; renew AWS_SESSION_TOKEN';
    case 'RequestTimeTooSkewed':
      return 'the clock of this machine is wrong';
    case 'PermanentRedirect':
    case 'TemporaryRedirect':
    case 'AuthorizationHeaderMalformed':
    case 'IllegalLocationConstraintException': {
      const region = error.Region ?? error.$response?.headers?.['x-amz-bucket-region'];
      const where = region === undefined ? 'in another region' : `in the region ${region.slice(0, 50)}`;
      return `the bucket "${bucket}" is ${where}; set AWS_REGION`;
    }
    case 'TimeoutError':
    case 'AbortError':
    case 'BrokenDownloadError':
      return `${host} does not answer, or is too slow`;
    default:
  }
  if (error.message === 'Region is missing') return 'the region is unknown; set AWS_REGION';
  if (error.code !== undefined) return networkReasonOf(error.code, host);
  if (status === 301 || status === 307) return `the bucket "${bucket}" is in another region; set AWS_REGION`;
  if (status === 403)
    return `access is denied; the credentials need s3:ListBucket for the bucket "${bucket}" and s3:GetObject for its objects`;
  if (status === 404) return `the bucket "${bucket}" does not exist at ${host}`;
  if (status === 429 || (status ?? 0) >= 500)
    return `${host} is overloaded or has a fault (status ${status})`;
  if (error.name === undefined || error.name === 'Error' || error.name === 'SyntaxError')
    return `${host} does not answer like an S3 store; check AWS_ENDPOINT_URL_S3`;
  return `${host} refuses the request (${error.name.slice(0, 50)}${status === undefined ? '' : `, status ${status}`})`;
}

function networkReasonOf(code: string, host: string): string {
  if (code === 'ENOTFOUND' || code === 'EAI_AGAIN')
    return `the host ${host} is unknown; check AWS_ENDPOINT_URL_S3 and the network`;
  if (code === 'ECONNREFUSED') return `${host} refuses connections; check AWS_ENDPOINT_URL_S3`;
  if (CERTIFICATE.test(code)) return `the TLS certificate of ${host} is not trusted (${code})`;
  if (code === 'EPROTO') return `${host} does not speak TLS; check AWS_ENDPOINT_URL_S3`;
  return `${host} cannot be reached (${code})`;
}
