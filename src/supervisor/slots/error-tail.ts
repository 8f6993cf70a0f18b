import type { Readable } from 'node:stream';
import { stripVTControlCharacters } from 'node:util';
import { createInterface } from 'node:readline';
import { createOutput } from '../../shared/output.js';

export interface ErrorTail {
  lastLine(): string | null;
  /** Forgets the line, because later failures have nothing to do with it. */
  clear(): void;
}

const standardError = createOutput(
  2,
  (lines, reason) => `Dropped ${lines} lines that could not be written: ${reason}\n`,
);

/** Stack frames and Node's closing line say less than the error above them. */
const NOISE = /^(at\s|Node\.js v\d|\^+$|$)/;

/** Copies a child's standard error to ours and keeps its last useful line, often the only trace of a native crash. */
export function createErrorTail(stream: Readable | null): ErrorTail {
  let last: string | null = null;
  if (stream !== null) {
    createInterface({ input: stream, crlfDelay: Infinity }).on('line', (line) => {
      standardError.write(`${line}\n`);
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
