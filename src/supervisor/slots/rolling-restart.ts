import type { Logger } from '../../shared/logger.js';
import type { RollOutcome } from '../../shared/worker-record.js';
import type { SlotRunner } from './slot.js';
import type { SlotState } from './slot-state.js';

export interface RollTarget {
  readonly id: string;
  readonly slot: SlotRunner;
}

/**
 * Replaces the children one slot at a time. A new child must load its models, run one inference and reach Redis before
 * the next slot follows. The first child that fails ends the roll; the other children keep running. Only a slot that had
 * failed before the roll does not end it: it is tried after the others.
 */
export async function rollSlots(
  targets: readonly RollTarget[],
  orderFor: (target: RollTarget) => 'start-first' | 'drain-first',
  logger: Logger,
): Promise<RollOutcome> {
  const broken = targets.filter(({ slot }) => hasFailed(slot.state()));
  const stillBroken: string[] = [];
  let replaced = 0;
  for (const target of [...targets.filter((one) => !broken.includes(one)), ...broken]) {
    const result = await replaceChild(target.slot, orderFor(target));
    if (result.kind === 'skipped') continue;
    if (result.kind === 'failed') {
      const reason = `${target.id}: ${result.reason}`;
      if (broken.includes(target)) {
        logger.warn(
          { worker: target.id },
          `Rolling restart: this worker had failed before and still fails: ${reason}`,
        );
        stillBroken.push(reason);
        continue;
      }
      logger.error({ replaced, of: targets.length }, `Rolling restart stopped: ${reason}`);
      return outcome('failed', replaced, reason);
    }
    replaced += 1;
    logger.info({ worker: target.id, replaced, of: targets.length }, 'Rolling restart: child replaced');
  }
  const remark = stillBroken.length === 0 ? null : `Failed before and still fail: ${stillBroken.join('; ')}`;
  if (replaced === 0 && remark !== null) {
    logger.error(`Rolling restart stopped: ${remark}`);
    return outcome('failed', replaced, remark);
  }
  logger.info({ replaced }, 'Rolling restart done');
  return outcome('done', replaced, remark);
}

type Replacement =
  | { readonly kind: 'replaced' }
  | { readonly kind: 'skipped' }
  | { readonly kind: 'failed'; readonly reason: string };

async function replaceChild(slot: SlotRunner, order: 'start-first' | 'drain-first'): Promise<Replacement> {
  await slot.reached(isAtRest);
  const firstNew = slot.started();
  slot.replace(order);
  const state = await slot.reached(isAtRest);
  switch (state.kind) {
    case 'serving':
      if (state.child >= firstNew) return { kind: 'replaced' };
      return { kind: 'failed', reason: slot.lastExit() ?? 'the new child was not ready in time' };
    case 'backoff':
    case 'failed':
    case 'stuck':
      return { kind: 'failed', reason: state.reason };
    case 'lost':
    case 'stopped':
      return { kind: 'skipped' };
    case 'starting':
    case 'replacing':
    case 'draining':
      throw new Error(`A slot at rest is ${state.kind}`);
  }
}

function hasFailed({ kind }: SlotState): boolean {
  return kind === 'failed' || kind === 'backoff' || kind === 'stuck';
}

function isAtRest(state: SlotState): boolean {
  return ['serving', 'backoff', 'failed', 'stuck', 'lost', 'stopped'].includes(state.kind);
}

function outcome(kind: RollOutcome['outcome'], replaced: number, reason: string | null): RollOutcome {
  return { at: Math.floor(Date.now() / 1000), outcome: kind, replaced, reason };
}

/** The outcome of a roll that did not start. */
export function refusedRoll(reason: string): RollOutcome {
  return outcome('refused', 0, reason);
}
