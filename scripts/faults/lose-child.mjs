import { isReady, liveChildren } from './scene.mjs';

/**
 * Kills or stops a random child, and waits until its successor is ready.
 *
 * @param {import('./scene.mjs').Scene} scene
 * @param {NodeJS.Signals} signal
 * @returns {Promise<import('./scene.mjs').Recovery>}
 */
export async function loseChild(scene, signal) {
  const { testbed, ledger, random } = scene;
  const children = liveChildren(testbed.lines);
  const victim = children[Math.floor(random() * children.length)];
  if (victim === undefined) throw new Error('No child is alive');
  const from = testbed.lines.length;
  const at = Date.now();
  process.kill(victim.pid, signal);
  const death = await testbed.line(
    (line) =>
      line.worker === victim.id &&
      line.childPid === victim.pid &&
      line.msg.startsWith('The child was killed'),
    from,
  );
  const diedAt = signal === 'SIGKILL' ? at : death.at;
  const ready = await testbed.line((line) => line.worker === victim.id && isReady(line), from);
  const returned = [...ledger.jobs.values()].flatMap(({ returnedAt }) =>
    returnedAt !== null && returnedAt >= diedAt ? [returnedAt - diedAt] : [],
  );
  return {
    ...(signal === 'SIGSTOP' && { 'it is noticed': death.at - at }),
    'a new child is ready': ready.at - diedAt,
    ...(returned.length > 0 && { 'its jobs are back': Math.max(...returned) }),
  };
}
