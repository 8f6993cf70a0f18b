/**
 * The conditions that must hold after all faults. Each entry is one check.
 *
 * @typedef {{ name: string, passed: boolean, details: string }} Check
 *
 * @param {{ ledger: Awaited<ReturnType<typeof import('./ledger.mjs').openLedger>>, expected: ReadonlyMap<string, string>,
 *   results: ReadonlyMap<string, unknown>, selfies: readonly string[] | null, workerIds: ReadonlySet<string>, gpus: number, hostname: string, exitCode: number | null,
 *   leftovers: readonly number[], unlogged: readonly string[] }} facts
 *   `selfies`: ids of completed jobs that still have their selfie, `null` if that is not checked; `leftovers`: process ids of children that still run; `unlogged`: output that is not a log line
 * @returns {Check[]}
 */
export function judge(facts) {
  const { ledger, expected, results, selfies, workerIds, gpus, hostname, exitCode, leftovers, unlogged } =
    facts;
  const searches = [...expected.keys()].map((id) => ({ id, ...ledger.entry(id) }));
  const poison = [...ledger.jobs].filter(([id]) => id.startsWith('poison-'));
  const wrong = [...expected]
    .filter(([id, photo]) => !isRightAnswer(results.get(id), photo))
    .map(([id, photo]) => `${id}: ${JSON.stringify(results.get(id))} instead of ${photo}`);
  const wantedIds = Array.from({ length: gpus }, (_, i) => `${hostname}_gpu${i}`);
  return [
    listed(
      'every job has ended',
      searches.filter((job) => job.completions + job.failures.length === 0),
    ),
    listed(
      'no job has two results',
      searches.filter((job) => job.completions > 1),
    ),
    listed(
      'only poisonous jobs failed',
      searches
        .filter((job) => job.failures.length > 0)
        .map(({ id, failures }) => ({ id: `${id} (${failures.join('; ')})` })),
    ),
    { name: 'every result is right', passed: wrong.length === 0, details: wrong.slice(0, 10).join(', ') },
    ...(selfies === null
      ? []
      : [
          listed(
            'no completed job has its selfie',
            selfies.map((id) => ({ id })),
          ),
        ]),
    {
      name: 'every poisonous job failed with CRASHED_WORKER',
      passed: poison.every(
        ([, { failures }]) => failures.length === 1 && failures[0]?.startsWith('CRASHED_WORKER: '),
      ),
      details: poison.map(([id, { failures }]) => `${id}: ${failures.join('; ')}`).join(', '),
    },
    {
      name: 'the worker ids never changed',
      passed: [...workerIds].toSorted().join() === wantedIds.join(),
      details: [...workerIds].join(', '),
    },
    { name: 'the supervisor exited with code 0', passed: exitCode === 0, details: `code ${exitCode}` },
    { name: 'no child is left', passed: leftovers.length === 0, details: leftovers.join(', ') },
    { name: 'all output is log lines', passed: unlogged.length === 0, details: unlogged[0] ?? '' },
  ];
}

/**
 * @param {string} name
 * @param {readonly { id: string }[]} offenders
 * @returns {Check}
 */
function listed(name, offenders) {
  const ids = offenders.slice(0, 10).map(({ id }) => id);
  return { name, passed: offenders.length === 0, details: `${offenders.length}: ${ids.join(', ')}` };
}

/**
 * @param {unknown} result
 * @param {string} photo
 */
function isRightAnswer(result, photo) {
  return Array.isArray(result) && result.length === 1 && result[0].id === photo;
}
