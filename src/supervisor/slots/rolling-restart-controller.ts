import { isDeepStrictEqual } from 'node:util';
import type { Config } from '../../shared/config.js';
import { messageOf } from '../../shared/errors.js';
import type { Logger } from '../../shared/logger.js';
import type { RollOutcome } from '../../shared/worker-record.js';
import { refusedRoll, rollSlots, type RollTarget } from './rolling-restart.js';

export interface RollingRestartDeps {
  /** Reads the configuration again; throws where it is wrong. */
  readonly loadConfig: () => Config;
  readonly currentConfig: () => Config;
  /** From now on new children get this configuration; the one before comes back where the roll fails. */
  readonly useConfig: (config: Config) => void;
  /** Called once all workers have been replaced. */
  readonly onDone: () => void;
  readonly targets: () => readonly RollTarget[];
  readonly orderFor: (target: RollTarget) => 'start-first' | 'drain-first';
  readonly logger: Logger;
}

export interface RollingRestartController {
  /** Starts a rolling restart; during one, asks for another right after it: a newer build may be on the disk. */
  request(): void;
  isRolling(): boolean;
  lastOutcome(): RollOutcome | null;
}

type RollingRestartState = 'idle' | 'rolling' | 'rolling-again';

export function createRollingRestartController(deps: RollingRestartDeps): RollingRestartController {
  const { logger } = deps;
  let state: RollingRestartState = 'idle';
  let last: RollOutcome | null = null;

  const roll = async (): Promise<RollOutcome> => {
    let config: Config;
    try {
      config = deps.loadConfig();
      refuseFixedChanges(deps.currentConfig(), config);
    } catch (error) {
      logger.error(`Rolling restart refused: ${messageOf(error)}`);
      return refusedRoll(messageOf(error));
    }
    const previous = deps.currentConfig();
    deps.useConfig(config);
    const result = await rollSlots(deps.targets(), deps.orderFor, logger);
    // A configuration with which a child does not come up must not wait for the next crash.
    if (result.outcome === 'failed') deps.useConfig(previous);
    else deps.onDone();
    return result;
  };

  const run = async (): Promise<void> => {
    last = await roll();
    const again = state === 'rolling-again';
    state = again ? 'rolling' : 'idle';
    if (again) await run();
  };

  return {
    request: () => {
      if (state !== 'idle') {
        logger.info('A rolling restart is under way; another one follows it');
        state = 'rolling-again';
        return;
      }
      state = 'rolling';
      void run();
    },
    isRolling: () => state !== 'idle',
    lastOutcome: () => last,
  };
}

/** What the supervisor itself was started with cannot change under it. */
function refuseFixedChanges(current: Config, next: Config): void {
  const changed = (['redis', 'queue', 'hostname', 'devices'] as const).filter(
    (part) => !isDeepStrictEqual(current[part], next[part]),
  );
  if (changed.length === 0) return;
  throw new Error(
    `The settings of ${changed.join(', ')} have changed; they need a full restart of the supervisor`,
  );
}
