import { randomUUID } from 'node:crypto';
import type { Engine, Face, AnalyzedImage, ImageSource } from '../../src/child/engine/engine.js';
import type { Landmarks } from '../../src/shared/face.js';
import { ImageError } from '../../src/shared/errors.js';
import { defer } from './deferred.js';

/** Of a face that looks straight ahead; only their proportions matter. */
const FRONTAL: Landmarks = [
  { x: 0, y: 0 },
  { x: 2, y: 0 },
  { x: 1, y: 1 },
  { x: 0, y: 2 },
  { x: 2, y: 2 },
];

/**
 * An engine whose pictures are texts. A text (inline, or a path in a file, of which the name without its ending counts) is a list of
 * faces, each one a cosine with the selfie's face: `face:0.9,0.2`. `empty` shows nobody, `broken` is no
 * picture, `stuck` never ends, `slow` ends when `release()` is called, `fault` fails the machine.
 */
export interface ScriptedEngine extends Engine {
  /** Every source that was asked for, in order. */
  readonly asked: readonly ImageSource[];
  inFlight(): number;
  mostInFlight(): number;
  /** Settles once a picture that holds its job up has been asked for. */
  held(): Promise<void>;
  release(): void;
  die(): void;
  exhaust(): void;
}

export function createScriptedEngine({ capacity = 4, pack = 'scripted' } = {}): ScriptedEngine {
  const asked: ImageSource[] = [];
  const dying = defer<Error>();
  const exhausting = defer<Error>();
  const released = defer();
  const held = defer();
  let inFlight = 0;
  let most = 0;

  const see = async (text: string, signal?: AbortSignal): Promise<AnalyzedImage> => {
    if (text === 'broken') throw new ImageError('It is no picture.');
    if (text === 'fault') throw new Error('The device is lost.');
    if (text === 'slow' || text === 'stuck') {
      held.resolve();
      await Promise.race([
        text === 'slow' ? released.promise : new Promise(() => {}),
        abortion(signal),
        dying.promise.then((error) => Promise.reject(error)),
      ]);
    }
    return pictureOf(text);
  };

  return {
    name: 'scripted 1.0',
    provider: 'cpu',
    providerRefusals: [],
    capacity,
    calibration: { scoreOf: (cosine) => Math.max(0, cosine), cosineOf: (score) => score },
    pack: { name: pack, license: 'MIT', key: pack, embeddingSize: 2 },
    // Every picture is a new one: what was seen before is not asked for again.
    identify: async () => randomUUID(),
    analyze: async (source, { signal } = {}) => {
      asked.push(source);
      signal?.throwIfAborted();
      inFlight += 1;
      most = Math.max(most, inFlight);
      try {
        await new Promise(setImmediate);
        return await see(
          source.kind === 'base64' ? source.text : nameOf(Buffer.from(source.bytes).toString()),
          signal,
        );
      } finally {
        inFlight -= 1;
      }
    },
    silentMs: () => 0,
    oomSteps: () => ({ halved: 0, shrunk: 0, onCpu: 0 }),
    exhausted: exhausting.promise,
    died: dying.promise,
    stop: async () => {},
    asked,
    inFlight: () => inFlight,
    mostInFlight: () => most,
    held: () => held.promise,
    release: released.resolve,
    exhaust: () => exhausting.resolve(new Error('The memory of the device stays exhausted')),
    die: () => dying.resolve(new Error('The engine thread died.')),
  };
}

function abortion(signal?: AbortSignal): Promise<never> {
  return new Promise((_, reject) => {
    signal?.addEventListener('abort', () => reject(signal.reason as Error), { once: true });
  });
}

function nameOf(file: string): string {
  return file.replace(/^.*\//, '').replace(/\.\w+$/, '');
}

function pictureOf(text: string): AnalyzedImage {
  const cosines = text.startsWith('face:') ? text.slice('face:'.length).split(',').map(Number) : [];
  return { widthPx: 400, heightPx: 400, faces: cosines.map(faceOf) };
}

/** Faces stand side by side from the left, each smaller than the one before. */
function faceOf(cosine: number, index: number): Face {
  return {
    box: { x: index * 80, y: 160, width: 80 - index, height: 80 - index },
    landmarks: FRONTAL,
    score: 0.9,
    sharpness: 1000,
    brightness: 120,
    embedding: Float32Array.of(cosine, Math.sqrt(1 - cosine ** 2)),
  };
}
