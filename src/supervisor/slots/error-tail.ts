import type { Readable } from 'node:stream';
import { stripVTControlCharacters } from 'node:util';
import { createInterface } from 'node:readline';

export interface ErrorTail {
  lastLine(): string | null;
  /** Forgets the line, because later failures have nothing to do with it. */
  clear(): void;
}

/** Stack frames and Node's closing line say less than the error above them. */
const NOISE = /^(at\s|Node\.js v\d|\^+$|$)/;

/** Copies a child's standard error to ours and keeps its last useful line, often the only trace of a native crash. */
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
    clear: () => {
      last = null;
    },
  };
}
