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
 * What a person wants to know of a worker's record.
 *
 * @param {WorkerRecord} record
 * @returns {string}
 */
export function formatWorker(record) {
  const { provider, model_license: licence, status_reason: reason } = record;
  const { gpu_utilization: gpuPercent, gpu_memory_used_mb: gpuUsed, gpu_memory_total_mb: gpuTotal } = record;
  /** @type {[string, string][]} */
  const rows = [
    ['status', reason === null ? record.status : `${record.status}: ${reason}`],
    ['device', `${record.gpu_name}, execution provider ${provider ?? 'unknown'}`],
    ['engine', record.engine ?? 'unknown'],
    ['licence of the model', licence ?? 'unknown'],
    ['searches', `${record.jobs_processed} done, ${record.jobs_failed} failed`],
    ['restarts', String(record.restarts)],
    ['up for', `${Math.round(record.uptime)} s`],
    ['memory', `${Math.round(record.rss_mb ?? 0)} MB; ${record.ram_available_gb} GB are free on the machine`],
    ['processor', `${Math.round(record.cpu_percent)} % of the machine`],
    ['process', `${record.pid ?? 'none'}, version ${record.version}`],
  ];
  if (gpuTotal !== null)
    rows.push(['GPU', `${gpuPercent ?? '?'} % busy, ${gpuUsed ?? '?'} of ${gpuTotal} MB`]);
  const width = Math.max(...rows.map(([name]) => name.length));
  return rows.map(([name, value]) => `  ${name.padEnd(width)}  ${value}`).join('\n');
}
