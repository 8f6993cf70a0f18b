import type { LastExit } from '../../../shared/worker-record.js';

/** Stands for an unknown value. */
export const UNKNOWN = '–';

const number = new Intl.NumberFormat('en', { maximumFractionDigits: 0 });
const oneDecimal = new Intl.NumberFormat('en', { maximumFractionDigits: 1 });

export function formatCount(value: number | null): string {
  return value === null ? UNKNOWN : number.format(value);
}

/** One decimal below ten, none above, so that the text changes rarely. */
export function formatRate(value: number | null): string {
  if (value === null) return UNKNOWN;
  return (value < 10 ? oneDecimal : number).format(value);
}

/** @param value 0..100 */
export function formatPercent(value: number | null): string {
  return value === null ? UNKNOWN : `${Math.round(value)} %`;
}

export function formatMegabytes(megabytes: number | null): string {
  if (megabytes === null) return UNKNOWN;
  return megabytes < 1000 ? `${Math.round(megabytes)} MB` : `${oneDecimal.format(megabytes / 1024)} GB`;
}

/** `780 kB`, `12.5 MB`, `1.2 GB`. */
export function formatBytes(bytes: number): string {
  if (bytes < 1024 * 1024) return `${number.format(Math.ceil(bytes / 1024))} kB`;
  const megabytes = bytes / 2 ** 20;
  return megabytes < 100 ? `${oneDecimal.format(megabytes)} MB` : formatMegabytes(megabytes);
}

export function formatTemperature(celsius: number | null): string {
  return celsius === null ? UNKNOWN : `${Math.round(celsius)} °C`;
}

/** `85 ms`, `2.41 s`, `12.3 s`, `2 min 5 s`. */
export function formatLatency(seconds: number | null): string {
  if (seconds === null) return UNKNOWN;
  if (seconds < 0.9995) return `${Math.round(seconds * 1000)} ms`;
  if (seconds < 9.995) return `${seconds.toFixed(2)} s`;
  if (seconds < 59.95) return `${seconds.toFixed(1)} s`;
  return formatDuration(seconds);
}

/** For round values on an axis: `0`, `200 ms`, `2.5 s`, `100 s`. */
export function formatSecondsTick(seconds: number): string {
  if (seconds === 0) return '0';
  return seconds < 1 ? `${number.format(seconds * 1000)} ms` : `${oneDecimal.format(seconds)} s`;
}

const UNITS = [
  { name: 'd', seconds: 86_400 },
  { name: 'h', seconds: 3600 },
  { name: 'min', seconds: 60 },
  { name: 's', seconds: 1 },
] as const;

/** The two largest units: `3 d 2 h`, `4 min 10 s`, `12 s`. */
export function formatDuration(seconds: number | null): string {
  if (seconds === null) return UNKNOWN;
  const whole = Math.max(0, Math.round(seconds));
  const first = UNITS.findIndex((unit) => whole >= unit.seconds);
  const largest = UNITS[first];
  if (largest === undefined) return '0 s';
  const next = UNITS[first + 1];
  const rest = next === undefined ? 0 : Math.floor((whole % largest.seconds) / next.seconds);
  const head = `${Math.floor(whole / largest.seconds)} ${largest.name}`;
  return next === undefined || rest === 0 ? head : `${head} ${rest} ${next.name}`;
}

/** The largest unit: `just now`, `12 s ago`, `4 min ago`. */
export function formatAgo(seconds: number | null): string {
  if (seconds === null) return UNKNOWN;
  if (seconds < 1.5) return 'just now';
  const unit = UNITS.find(({ seconds: size }) => seconds >= size) ?? { name: 's', seconds: 1 };
  return `${Math.floor(seconds / unit.seconds)} ${unit.name} ago`;
}

/** `0.482`, as on the command line. */
export function formatScore(score: number): string {
  return score.toFixed(3);
}

/** How a child process ended. */
export function formatExit(exit: LastExit): string {
  const how =
    exit.signal !== null
      ? `killed by ${exit.signal}`
      : exit.code !== null
        ? `exit code ${exit.code}`
        : 'ended for an unknown reason';
  return exit.planned ? `${how}, as planned` : how;
}

/** `1 photo`, `2 photos`. `many` is for irregular plurals. */
export function plural(count: number, one: string, many = `${one}s`): string {
  return `${number.format(count)} ${count === 1 ? one : many}`;
}
