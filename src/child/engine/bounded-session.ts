import { type OomEvent, type OomState, type OomStep, nextOomState } from './oom-fallback.js';
import { memoryFailureOf } from './memory-errors.js';
import { type Outputs, runInParts } from './run-in-parts.js';
import type { Session } from './session.js';

export interface BoundedSessionOptions {
  readonly openOnDevice: () => Promise<Session>;
  /** Called the first time that the CPU is needed. */
  readonly openOnCpu: () => Promise<Session>;
  readonly onStep: (step: OomStep) => void;
  /** Monotonic clock, in milliseconds. */
  readonly now: () => number;
}

/**
 * A session that still answers if its device runs out of memory: it uses smaller batches, a new arena, or the CPU (see
 * {@link import('./oom-fallback.js').OomState}). The first dimension of all inputs and outputs is the batch.
 *
 * @throws {Error} if `openOnDevice` throws
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
    // `release()` may reject if the device is lost.
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
      // onnxruntime-node frees a device's memory only when the session is released.
      if (apply({ kind: 'failed', failure, batch, nowMs: now() }) !== 'halved') await releaseDevice();
      return attempt(input, shape);
    }
  };

  return {
    // One run at a time, so that no session is released during a run. A run blocks the thread anyway.
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
