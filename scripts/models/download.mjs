import { open, rm, stat } from 'node:fs/promises';
import pRetry from 'p-retry';

/** A transfer without data for this time is aborted and retried. */
const STALL_TIMEOUT_MS = 30_000;
const RETRIES = 3;
const FIRST_RETRY_DELAY_MS = 500;

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
    if (response.body === null) throw new Error('the server sent nothing');
    const start = response.status === 206 ? present : 0;
    const length = response.headers.get('content-length');
    const totalBytes = bytes ?? (length === null ? null : start + Number(length));

    const received = await writeAll(partFile, start, response.body, (written) => {
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
  const response = await fetch(url, { headers, signal });
  const goesOn = response.status === 206 && startOf(response) === present;
  if ((response.ok && response.status !== 206) || goesOn) return response;

  await response.body?.cancel();
  if (response.status === 206 || response.status === 416) {
    await rm(partFile, { force: true });
    throw new TransferError('the server has no such rest of the file', { transient: true });
  }
  throw new TransferError(`the server answered ${response.status} ${response.statusText}`.trimEnd(), {
    transient: response.status >= 500 || response.status === 429,
  });
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

/** First byte of a 206's range. @param {Response} response */
function startOf(response) {
  const match = /^bytes (\d+)-/.exec(response.headers.get('content-range') ?? '');
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
 * undici's message is only "fetch failed" or "terminated"; the reason is in the cause.
 *
 * @param {unknown} error
 */
function describeNetworkError(error) {
  if (!(error instanceof Error)) return String(error);
  const reason = error.cause instanceof Error ? error.cause.message || codeOf(error.cause) : error.message;
  return reason || error.message;
}

/** @param {Error} error */
function codeOf(error) {
  return /** @type {NodeJS.ErrnoException} */ (error).code ?? '';
}
