import type { Readable } from 'node:stream';
import { createInterface } from 'node:readline';

/** Frames of a stack trace and Node's own closing line say less than the error above them. */
const NOISE = /^\s*(at\s|Node\.js v\d|\^+$|$)/;

/**
 * Passes a child's standard error on to ours and remembers its last telling line: of a native crash it is
 * all that is left.
 */
export function createErrorTail(stream: Readable | null): { lastLine(): string | null } {
  let last: string | null = null;
  if (stream !== null) {
    createInterface({ input: stream, crlfDelay: Infinity }).on('line', (line) => {
      process.stderr.write(`${line}\n`);
      if (!NOISE.test(line)) last = line.trim().slice(0, 500);
    });
  }
  return { lastLine: () => last };
}
