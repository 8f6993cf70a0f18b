import {
  advance,
  type Code,
  f32x4,
  get,
  i32,
  i8x16,
  loopWhile,
  set,
  v128,
} from '../../../shared/wasm/wasm-code.js';
import { encodeModule } from '../../../shared/wasm/wasm-module.js';

/** Pixels that the kernel computes at once. */
export const LANES = 4;

/**
 * Writes pixels as planes of numbers: (value - mean) * factor. Addresses are bytes in the kernel's memory.
 *
 * @param source uint8 [pixels, 3], with at least 4 bytes after it; the number of pixels is a multiple of `LANES`
 * @param sourceEnd
 * @param first float32 [pixels], written: the plane of the first channel
 * @param second
 * @param third
 * @param encoding float32 [2]: mean and factor
 */
export type PlanesKernel = (
  ...values: readonly [
    source: number,
    sourceEnd: number,
    first: number,
    second: number,
    third: number,
    encoding: number,
  ]
) => void;

export function createPlanesKernel(memory: WebAssembly.Memory): PlanesKernel {
  const { exports } = new WebAssembly.Instance(module, { host: { memory } });
  return exports['planes'] as PlanesKernel;
}

const [source, sourceEnd, encoding] = [0, 1, 5];
const PLANES = [2, 3, 4];
const [pixels, mean, factor] = [6, 7, 8];

const writePlane = (target: number, channel: number): Code => {
  // From RGBRGB to 32-bit integers of one channel.
  const lanes = Array.from({ length: LANES }, (_, i) => [3 * i + channel, 255, 255, 255]).flat();
  const values = f32x4.fromI32x4(i8x16.pick(get(pixels), lanes));
  return [
    ...v128.store(get(target), 0, f32x4.multiply(f32x4.subtract(values, get(mean)), get(factor))),
    ...advance(target, LANES * Float32Array.BYTES_PER_ELEMENT),
  ];
};

const module = new WebAssembly.Module(
  encodeModule({
    name: 'planes',
    parameters: 6,
    i32Locals: 0,
    v128Locals: 3,
    body: [
      ...set(mean, v128.loadSplat32(get(encoding), 0)),
      ...set(factor, v128.loadSplat32(get(encoding), Float32Array.BYTES_PER_ELEMENT)),
      ...loopWhile(
        i32.lessThanUnsigned(get(source), get(sourceEnd)),
        set(pixels, v128.load(get(source), 0)),
        ...PLANES.map(writePlane),
        advance(source, 3 * LANES),
      ),
    ],
  }),
);
