import { once } from 'node:events';
import type { Worker } from 'node:worker_threads';
import { expect } from 'vitest';
// Built, because a thread starts from a file that Node can run.
import { createEngine } from '../../dist/child/engine/engine-pool.js';
import { StartupError } from '../../dist/shared/errors.js';
import { drawScene } from '../../scripts/tiny/scene.mjs';
import type { Engine, ImageSource } from '../../src/child/engine/engine.js';
import type { Config } from '../../src/shared/config.js';
import type { Device } from '../../src/shared/device.js';
import { CPU } from './devices.js';
import { type LogLine, recordLog } from './log-recorder.js';
import { createModelFolder, type ModelFolder } from './model-folder.js';

type Settings = Partial<Config['engine']>;

/** Real engines on tiny models, and all that they leave behind. */
export interface EngineHarness {
  readonly models: ModelFolder;
  /** Every thread that was started, as Node itself hands it out. */
  readonly threads: readonly Worker[];
  readonly lines: readonly LogLine[];
  /** One thread on the processors, unless it is told otherwise. */
  start(settings?: Settings, device?: Device, cautious?: boolean): Promise<Engine>;
  /** What starting fails with. */
  failureOf(settings: Settings, device?: Device): Promise<StartupError>;
  /** Resolves once every thread has ended. */
  threadsEnded(): Promise<void>;
  close(): Promise<void>;
}

export async function createEngineHarness(): Promise<EngineHarness> {
  const models = await createModelFolder();
  const { logger, lines } = recordLog();
  const engines: Engine[] = [];
  const threads: Worker[] = [];
  const keepThread = (thread: Worker): void => void threads.push(thread);
  process.on('worker', keepThread);

  const start = async (settings: Settings = {}, device: Device = CPU, cautious = false): Promise<Engine> => {
    const config = {
      provider: 'auto',
      modelPack: 'tiny',
      modelsDir: models.directory,
      threads: 1,
      maxImageBytes: 20_000_000,
      maxImagePixels: 100_000_000,
      galleryUpright: false,
      ...settings,
    } as const;
    const engine = await createEngine(
      { device, cautious, config, logger },
      { platform: 'linux', arch: 'x64', gpus: 0 },
    );
    engines.push(engine);
    return engine;
  };

  return {
    models,
    threads,
    lines,
    start,
    failureOf: async (settings, device) => {
      const error: unknown = await start(settings, device).then(
        () => new Error('The engine started'),
        (thrown: unknown) => thrown,
      );
      expect(error).toBeInstanceOf(StartupError);
      return error as StartupError;
    },
    threadsEnded: async () => {
      const alive = threads.filter(({ threadId }) => threadId !== -1);
      await Promise.all(alive.map((thread) => once(thread, 'exit')));
    },
    close: async () => {
      process.off('worker', keepThread);
      await Promise.all(engines.map((engine) => engine.stop()));
      await models.remove();
    },
  };
}

/** A picture with these people in it, from the left. */
export async function drawPeople(...people: number[]): Promise<ImageSource> {
  const faces = people.map((person, i) => ({ person, x: 40 + 200 * i, y: 90, sizePx: 110 }));
  const picture = await drawScene({ widthPx: 480, heightPx: 320, faces });
  return { kind: 'base64', text: picture.toString('base64') };
}
