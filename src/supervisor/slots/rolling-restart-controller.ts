import { isDeepStrictEqual } from 'node:util';
import type { Config } from '../../shared/config.js';
import { messageOf } from '../../shared/errors.js';
import type { Logger } from '../../shared/logger.js';
import type { RollOutcome } from '../../shared/worker-record.js';
import { refusedRoll, rollSlots, type RollTarget } from './rolling-restart.js';

export interface RollingRestartDeps {
  /** Reads the configuration again. Throws if it is invalid. */
  readonly loadConfig: () => Config;
  readonly currentConfig: () => Config;
  /** New children get this configuration. A failed roll restores the previous one. */
  readonly useConfig: (config: Config) => void;
  /** Called after a roll that did not fail. */
  readonly onDone: () => void;
  readonly targets: () => readonly RollTarget[];
  readonly orderFor: (target: RollTarget) => 'start-first' | 'drain-first';
  readonly logger: Logger;
}

export interface RollingRestartController {
  /** Starts a rolling restart. During one, requests another, because a newer build may be on the disk. */
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
    // Otherwise the next crashed child would start with a configuration that does not work.
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
        logger.info('A rolling restart is running; another one follows');
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

/** The supervisor itself uses these settings and reads them only at start-up. */
function refuseFixedChanges(current: Config, next: Config): void {
  const changed = (['redis', 'queue', 'hostname', 'devices'] as const).filter(
    (part) => !isDeepStrictEqual(current[part], next[part]),
  );
  if (changed.length === 0) return;
  throw new Error(
    `The settings for ${changed.join(', ')} have changed, which requires a restart of the supervisor`,
  );
}
