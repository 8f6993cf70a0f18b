import { type OomEvent, type OomState, type OomStep, nextOomState } from './oom-fallback.js';
import { memoryFailureOf } from './memory-errors.js';
import { type Outputs, runInParts } from './run-in-parts.js';
import type { Session } from './session.js';

export interface BoundedSessionOptions {
  readonly openOnDevice: () => Promise<Session>;
  /** Called when the device is first without room, not before. */
  readonly openOnCpu: () => Promise<Session>;
  readonly onStep: (step: OomStep) => void;
  /** Milliseconds, of a clock that only goes forward. */
  readonly now: () => number;
}

/**
 * A session that answers even when its device is out of memory: with smaller batches, with a new arena, or on the
 * CPU (see {@link import('./oom-fallback.js').OomState}). The first dimension of all inputs and outputs is
 * the batch.
 *
 * @throws {Error} what `openOnDevice` throws
 */
export async function openBoundedSession({
  openOnDevice,
  openOnCpu,
  onStep,
  now,
}: BoundedSessionOptions): Promise<Session> {
  let onDevice: Session | null = await openOnDevice();
  let onCpu: Session | null = null;
  let state: OomState = { kind: 'roomy', falls: 0 };
  let last: Promise<unknown> = Promise.resolve();

  const apply = (event: OomEvent): OomStep | null => {
    const { state: next, step } = nextOomState(state, event);
    state = next;
    if (step !== null) onStep(step);
    return step;
  };

  const releaseDevice = async (): Promise<void> => {
    const session = onDevice;
    onDevice = null;
    // A session whose device is lost may be unable to say goodbye.
    await session?.release().catch(() => undefined);
  };

  const attempt = async (input: Float32Array, shape: readonly number[]): Promise<Outputs> => {
    const [batch = 1] = shape;
    if (state.kind === 'on-cpu' || state.kind === 'spent') {
      onCpu ??= await openOnCpu();
      return onCpu.run(input, shape);
    }
    if (state.kind === 'tight' && batch > state.maxBatch) {
      return runInParts(attempt, input, shape, { maxBatch: state.maxBatch });
    }
    try {
      onDevice ??= await openOnDevice();
      const outputs = await onDevice.run(input, shape);
      apply({ kind: 'worked' });
      return outputs;
    } catch (error) {
      const failure = memoryFailureOf(error);
      if (failure === null) throw error;
      // Only with its session does onnxruntime-node give a device's memory back.
      if (apply({ kind: 'failed', failure, batch, nowMs: now() }) !== 'halved') await releaseDevice();
      return attempt(input, shape);
    }
  };

  return {
    // One after another, as the thread could not do otherwise anyway: no session is released under a run.
    run: (input, shape) => {
      const answer = last.then(() => {
        apply({ kind: 'asked', nowMs: now() });
        return attempt(input, shape);
      });
      last = answer.catch(() => undefined);
      return answer;
    },
    release: async () => {
      await last;
      await onDevice?.release();
      await onCpu?.release();
    },
  };
}
