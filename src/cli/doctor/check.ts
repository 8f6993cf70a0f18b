import { formatTable } from '../terminal.js';

/** `error`: workers or the dashboard cannot run. `warning`: they can, but not well. */
export type Level = 'ok' | 'warning' | 'error';

export interface Check {
  readonly topic: string;
  readonly level: Level;
  /** What was found, and what to do about it. */
  readonly sentence: string;
}

/** Gives all checks of a file their topic. */
export function checksOf(topic: string): Readonly<Record<Level, (sentence: string) => Check>> {
  const at = (level: Level) => (sentence: string) => ({ topic, level, sentence });
  return { ok: at('ok'), warning: at('warning'), error: at('error') };
}

export function formatChecks(checks: readonly Check[]): string {
  return formatTable(checks.map(({ topic, level, sentence }) => [level, topic, sentence]));
}
