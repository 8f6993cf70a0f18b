/** @typedef {import('../../dist/shared/job.js').SearchMatch} SearchMatch */
/** @typedef {import('../../dist/shared/worker-record.js').WorkerRecord} WorkerRecord */

const SCORE_BAR_WIDTH = 20;

/**
 * @param {readonly SearchMatch[]} matches
 * @returns {string}
 */
export function formatMatches(matches) {
  if (matches.length === 0) return 'No photo shows this person.';
  const width = Math.max('photo'.length, ...matches.map(({ id }) => id.length));
  const rows = matches.map(({ id, score }, i) => {
    const bar = '#'.repeat(Math.round(score * SCORE_BAR_WIDTH));
    return `${String(i + 1).padStart(4)}  ${id.padEnd(width)}  ${score.toFixed(3)}  ${bar}`;
  });
  return [`   #  ${'photo'.padEnd(width)}  score`, ...rows].join('\n');
}

/**
 * A worker's record as a table for a person: no histograms, no unknown values.
 *
 * @param {WorkerRecord} record
 * @returns {string}
 */
export function formatWorker(record) {
  const known = Object.entries(record).filter(
    ([name, value]) => value !== null && name !== 'durations' && String(value) !== '',
  );
  const width = Math.max(...known.map(([name]) => name.length));
  return known.map(([name, value]) => `  ${name.padEnd(width)}  ${formatValue(value)}`).join('\n');
}

/** @param {unknown} value */
function formatValue(value) {
  return typeof value === 'string' ? value : JSON.stringify(value);
}
