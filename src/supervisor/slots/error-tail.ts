import type { Readable } from 'node:stream';
import { stripVTControlCharacters } from 'node:util';
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

/** A longer line is cut in two, because the rest of it may never come. */
const MAX_LINE_CHARS = 65_536;

/** Stack frames and Node's closing line say less than the error above them. */
const NOISE = /^(at\s|Node\.js v\d|\^+$|$)/;

/** Copies a child's standard error to ours and keeps its last useful line, often the only trace of a native crash. */
export function createErrorTail(stream: Readable | null): ErrorTail {
  let last: string | null = null;
  let rest = '';
  const take = (line: string): void => {
    standardError.write(`${line}\n`);
    const text = stripVTControlCharacters(line).trim();
    if (!NOISE.test(text)) last = text.slice(0, 500);
  };
  stream?.setEncoding('utf8');
  stream?.on('data', (text: string) => {
    const lines = (rest + text).split(/\r?\n/);
    rest = lines.pop() ?? '';
    lines.forEach(take);
    if (rest.length <= MAX_LINE_CHARS) return;
    take(rest);
    rest = '';
  });
  stream?.on('end', () => {
    if (rest !== '') take(rest);
  });
  return {
    lastLine: () => last,
    clear: () => {
      last = null;
    },
  };
}
