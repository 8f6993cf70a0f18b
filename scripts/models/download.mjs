import { once } from 'node:events';
import { open, rm, stat } from 'node:fs/promises';
import http from 'node:http';
import https from 'node:https';
import pRetry from 'p-retry';

/** A transfer without data for this time is aborted and retried. */
const STALL_TIMEOUT_MS = 30_000;
const RETRIES = 3;
const FIRST_RETRY_DELAY_MS = 500;
const MAX_REDIRECTS = 5;

/** A failed transfer. A transient failure may not occur again. */
class TransferError extends Error {
  /**
   * @param {string} message
   * @param {{ transient: boolean, cause?: unknown }} options
   */
  constructor(message, { transient, cause }) {
    super(message, { cause });
    this.transient = transient;
  }
}

/**
 * @typedef {object} Download
 * @property {string} url
 * @property {string} partFile its content is kept, and only the rest is requested
 * @property {number | null} bytes size of the whole file, `null` if unknown
 * @property {AbortSignal} signal aborts the transfer and keeps the part file
 * @property {(bytes: number, totalBytes: number | null) => void} onProgress
 * @property {number} [stallTimeoutMs]
 * @property {number} [firstRetryDelayMs] doubled for each further retry
 */

/**
 * Downloads a file over HTTP. Retries after network errors and server errors (5xx), and resumes the transfer if the
 * server supports that.
 *
 * @param {Download} download
 * @throws {TransferError} after the last retry
 * @throws the signal's reason once it has aborted
 */
export async function downloadFile(download) {
  await pRetry(() => attempt(download), {
    retries: RETRIES,
    minTimeout: download.firstRetryDelayMs ?? FIRST_RETRY_DELAY_MS,
    signal: download.signal,
    shouldRetry: ({ error }) => error instanceof TransferError && error.transient,
  });
}

/** @param {Download} download */
async function attempt({ url, partFile, bytes, signal, onProgress, stallTimeoutMs = STALL_TIMEOUT_MS }) {
  const stall = createStallTimer(stallTimeoutMs);
  try {
    const present = await sizeOf(partFile);
    const response = await request(url, present, partFile, AbortSignal.any([signal, stall.signal]));
    const start = response.statusCode === 206 ? present : 0;
    const length = response.headers['content-length'];
    const totalBytes = bytes ?? (length === undefined ? null : start + Number(length));

    const received = await writeAll(partFile, start, response, (written) => {
      stall.reset();
      onProgress(written, totalBytes);
    });
    if (totalBytes !== null && received < totalBytes) {
      throw new Error(`the connection was closed after ${received} of ${totalBytes} bytes`);
    }
  } catch (error) {
    signal.throwIfAborted();
    if (error instanceof TransferError || isFileError(error)) throw error;
    const reason = stall.signal.aborted
      ? `nothing came for ${stallTimeoutMs / 1000} s`
      : describeNetworkError(error);
    throw new TransferError(reason, { transient: true, cause: error });
  } finally {
    stall.stop();
  }
}

/**
 * @param {string} url
 * @param {number} present bytes in the part file
 * @param {string} partFile
 * @param {AbortSignal} signal
 */
async function request(url, present, partFile, signal) {
  // No compression: a range of a compressed response is not a range of the file.
  const headers = { 'accept-encoding': 'identity', ...(present > 0 && { range: `bytes=${present}-` }) };
  const response = await get(new URL(url), { headers, signal });
  const { statusCode = 0, statusMessage = '' } = response;
  const goesOn = statusCode === 206 && startOf(response) === present;
  if (statusCode === 200 || goesOn) return response;

  response.destroy();
  if (statusCode === 206 || statusCode === 416) {
    await rm(partFile, { force: true });
    throw new TransferError('the server has no such rest of the file', { transient: true });
  }
  throw new TransferError(`the server answered ${statusCode} ${statusMessage}`.trimEnd(), {
    transient: statusCode >= 500 || statusCode === 429,
  });
}

/**
 * Not `fetch`: that of Node.js 24.21 crashes the process if a server closes the connection while received data waits to
 * be written (`assert(!this.paused)` in undici).
 *
 * @param {URL} url
 * @param {http.RequestOptions} options
 * @param {number} [redirectsLeft]
 * @returns {Promise<http.IncomingMessage>}
 */
async function get(url, options, redirectsLeft = MAX_REDIRECTS) {
  const outgoing = (url.protocol === 'https:' ? https : http).get(url, options);
  const [response] = /** @type {[http.IncomingMessage]} */ (await once(outgoing, 'response'));
  // Later failures of the connection also reach the reader of the response.
  outgoing.on('error', () => undefined);
  const { statusCode = 0, headers } = response;
  if (statusCode < 300 || statusCode > 399 || headers.location === undefined) return response;
  response.destroy();
  if (redirectsLeft === 0) throw new TransferError('the server redirects too often', { transient: false });
  return get(new URL(headers.location, url), options, redirectsLeft - 1);
}

/**
 * Appends to the first `start` bytes of a file. Bytes reported to `onWritten` are in the file even if the rest fails.
 *
 * @param {string} file
 * @param {number} start
 * @param {AsyncIterable<Uint8Array>} chunks
 * @param {(written: number) => void} onWritten
 */
async function writeAll(file, start, chunks, onWritten) {
  const handle = await open(file, start > 0 ? 'a' : 'w');
  try {
    let written = start;
    for await (const chunk of chunks) {
      await handle.appendFile(chunk);
      written += chunk.length;
      onWritten(written);
    }
    await handle.sync();
    return written;
  } finally {
    await handle.close();
  }
}

/** First byte of a 206's range. @param {http.IncomingMessage} response */
function startOf(response) {
  const match = /^bytes (\d+)-/.exec(response.headers['content-range'] ?? '');
  return match === null ? null : Number(match[1]);
}

/** @param {number} timeoutMs */
function createStallTimer(timeoutMs) {
  const controller = new AbortController();
  const timer = setTimeout(() => controller.abort(), timeoutMs);
  return {
    signal: controller.signal,
    reset: () => void timer.refresh(),
    stop: () => clearTimeout(timer),
  };
}

/** @param {string} file */
async function sizeOf(file) {
  try {
    return (await stat(file)).size;
  } catch (error) {
    if (/** @type {NodeJS.ErrnoException} */ (error).code === 'ENOENT') return 0;
    throw error;
  }
}

/** An error of the local disk (full, read-only, …), which a retry cannot fix. @param {unknown} error */
function isFileError(error) {
  const { syscall } = /** @type {NodeJS.ErrnoException} */ (error);
  return syscall === 'open' || syscall === 'write' || syscall === 'fsync' || syscall === 'stat';
}

/**
 * With several addresses of one name, the message is empty and the errors have the reasons.
 *
 * @param {unknown} error
 */
function describeNetworkError(error) {
  if (!(error instanceof Error)) return String(error);
  const { code = '' } = /** @type {NodeJS.ErrnoException} */ (error);
  return error.message || code;
}
