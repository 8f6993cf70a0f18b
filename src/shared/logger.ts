import { type Logger, pino } from 'pino';
import { createOutput } from './output.js';

export type { Logger } from 'pino';

/** Leaves out other fields: a Redis error holds the command, which may contain passwords and photos. */
function describeError(error: Error): object {
  return { type: error.name, message: error.message, stack: error.stack };
}

const standardOutput = createOutput(1, (lines, reason) => {
  const msg = `Dropped ${lines} log lines that could not be written: ${reason}`;
  return `${JSON.stringify({ level: 'warn', time: new Date().toISOString(), pid: process.pid, name: 'log', msg })}\n`;
});

/** Writes JSON lines to standard output. Never pass photos, embeddings or passwords to it. */
export function createLogger(name: string, level: string): Logger {
  return pino(
    {
      name,
      level,
      timestamp: pino.stdTimeFunctions.isoTime,
      serializers: { err: describeError },
      formatters: { level: (label) => ({ level: label }) },
    },
    standardOutput,
  );
}
