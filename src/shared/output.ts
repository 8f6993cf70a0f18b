import { closeSync, constants, fstatSync, openSync, writeSync } from 'node:fs';

/** Largest buffer for a slow reader. */
const MAX_WAITING_BYTES = 2 ** 20;
const RETRY_MS = 100;

export interface Output {
  /** Never blocks and never throws. Drops what it cannot write. */
  write(text: string): void;
}

/**
 * Standard output or standard error of a process that must outlive it: a closed terminal, a closed or full pipe, a full
 * disk. Lines that cannot be written are counted, and reported once writing works again.
 *
 * @param describeDropped the line about dropped lines
 */
export function createOutput(
  originalFd: number,
  describeDropped: (lines: number, reason: string) => string,
): Output {
  const fd = withoutBlocking(originalFd);
  let waiting: Buffer[] = [];
  let waitingBytes = 0;
  let dropped = 0;
  let reason = '';
  let timer: NodeJS.Timeout | undefined;

  const drop = (bytes: Buffer, why: string): void => {
    dropped += bytes.toString('latin1').split('\n').length - 1;
    reason = why;
  };

  /** Returns the bytes that could not be written yet. */
  const writeNow = (bytes: Buffer): Buffer => {
    let rest = bytes;
    while (rest.length > 0) {
      try {
        rest = rest.subarray(writeSync(fd, rest));
      } catch (error) {
        const { code = 'unknown error' } = error as NodeJS.ErrnoException;
        if (code === 'EAGAIN') return rest;
        drop(rest, code);
        return Buffer.alloc(0);
      }
    }
    return rest;
  };

  const keep = (rest: Buffer): void => {
    waiting = rest.length > 0 ? [rest] : [];
    waitingBytes = rest.length;
  };

  const writeWaiting = (): void => {
    keep(writeNow(Buffer.concat(waiting)));
    if (waitingBytes > 0) {
      // Without `unref`, a reader that is stuck would keep the process alive.
      timer ??= setTimeout(() => {
        timer = undefined;
        writeWaiting();
      }, RETRY_MS).unref();
      return;
    }
    if (dropped === 0) return;
    const before = dropped;
    const note = Buffer.from(describeDropped(dropped, reason));
    dropped = 0;
    keep(writeNow(note));
    // The note itself was lost.
    if (dropped > 0) dropped = before;
  };

  process.on('exit', () => void writeNow(Buffer.concat(waiting)));

  return {
    write: (text) => {
      const bytes = Buffer.from(text);
      if (waitingBytes + bytes.length > MAX_WAITING_BYTES) drop(bytes, 'its reader is too slow');
      else {
        waiting.push(bytes);
        waitingBytes += bytes.length;
      }
      if (timer === undefined) writeWaiting();
    },
  };
}

/**
 * A write to a full pipe blocks the whole process. Opening the pipe or terminal again gives a descriptor that does not
 * block, and leaves the one that other processes share as it is. Not possible everywhere: then it is the original one.
 */
function withoutBlocking(fd: number): number {
  try {
    const stat = fstatSync(fd);
    if (!stat.isFIFO() && !stat.isCharacterDevice()) return fd;
    const again = openSync(
      `/proc/self/fd/${fd}`,
      constants.O_WRONLY | constants.O_NONBLOCK | constants.O_NOCTTY,
    );
    const isSame = fstatSync(again).ino === stat.ino;
    if (isSame) return again;
    closeSync(again);
    return fd;
  } catch {
    return fd;
  }
}
