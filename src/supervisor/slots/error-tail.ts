import type { Readable } from 'node:stream';
import { stripVTControlCharacters } from 'node:util';
import { createInterface } from 'node:readline';

export interface ErrorTail {
  lastLine(): string | null;
  /** What was said so far has nothing to do with what comes. */
  forget(): void;
}

/** Frames of a stack trace and Node's own closing line say less than the error above them. */
const NOISE = /^(at\s|Node\.js v\d|\^+$|$)/;

/**
 * Passes a child's standard error on to ours and remembers its last telling line: of a native crash it is
 * all that is left.
 */
export function createErrorTail(stream: Readable | null): ErrorTail {
  let last: string | null = null;
  if (stream !== null) {
    createInterface({ input: stream, crlfDelay: Infinity }).on('line', (line) => {
      process.stderr.write(`${line}\n`);
      const text = stripVTControlCharacters(line).trim();
      if (!NOISE.test(text)) last = text.slice(0, 500);
    });
  }
  return {
    lastLine: () => last,
    forget: () => {
      last = null;
    },
  };
}
