import { type Logger, pino } from 'pino';

export type { Logger } from 'pino';

/** An error without its other fields: those of a Redis error hold the command, and with it passwords and pictures. */
function describeError(error: Error): object {
  return { type: error.name, message: error.message, stack: error.stack };
}

/** JSON lines on standard output. Pictures, embeddings and passwords are never passed to it. */
export function createLogger(name: string, level: string): Logger {
  return pino({
    name,
    level,
    timestamp: pino.stdTimeFunctions.isoTime,
    serializers: { err: describeError },
    formatters: { level: (label) => ({ level: label }) },
  });
}
