import { describe, expect, it } from 'vitest';
import type { DetectorModel } from '../../../src/shared/model-pack.js';
import {
  type DetectedFace,
  detectFaces,
  type RunDetector,
  scaleFace,
} from '../../../src/child/vision/detect.js';
import type { RgbImage } from '../../../src/child/vision/pixels/rgb-image.js';

const MODEL: DetectorModel = {
  file: 'detector.onnx',
  bytes: null,
  sha256: '',
  licence: 'MIT',
  nonCommercial: false,
  input: { channels: 'bgr', mean: 0, scale: 1 },
  strides: [8, 16, 32],
  scoreThreshold: 0.5,
  iouThreshold: 0.3,
};

/** Wider than high, so that rows and columns cannot be mistaken for each other. */
const SIZE = { widthPx: 128, heightPx: 64 };

const VALUES_PER_CELL = { cls: 1, obj: 1, bbox: 4, kps: 10 };

/** What the network says of one cell. */
interface Cell {
  readonly stride: number;
  readonly column: number;
  readonly row: number;
  readonly cls?: number;
  readonly obj?: number;
  /** Centre in strides from the cell's corner, logarithms of the sides in strides. */
  readonly bbox?: readonly number[];
  readonly kps?: readonly number[];
}

/** The outputs of a network that sees nothing but what these cells say. */
function outputsOf(...cells: readonly Cell[]): Map<string, Float32Array> {
  const outputs = new Map<string, Float32Array>();
  for (const stride of MODEL.strides) {
    const count = (SIZE.widthPx / stride) * (SIZE.heightPx / stride);
    for (const [name, width] of Object.entries(VALUES_PER_CELL)) {
      outputs.set(`${name}_${stride}`, new Float32Array(count * width));
    }
  }
  for (const { stride, column, row, cls = 1, obj = 1, bbox = [0, 0, 0, 0], kps = [] } of cells) {
    const cell = row * (SIZE.widthPx / stride) + column;
    outputs.get(`cls_${stride}`)?.set([cls], cell);
    outputs.get(`obj_${stride}`)?.set([obj], cell);
    outputs.get(`bbox_${stride}`)?.set(bbox, 4 * cell);
    outputs.get(`kps_${stride}`)?.set(kps, 10 * cell);
  }
  return outputs;
}

const blank = ({ widthPx, heightPx } = SIZE): RgbImage => ({
  widthPx,
  heightPx,
  data: new Uint8Array(3 * widthPx * heightPx),
});

async function detect(...cells: Cell[]): Promise<DetectedFace[]> {
  const [faces] = await detectFaces([blank()], MODEL, async () => outputsOf(...cells));
  return faces ?? [];
}

describe('the detector', () => {
  it('finds no face if no cell has a score', async () => {
    expect(await detect()).toEqual([]);
  });

  it.each([
    [8, 5, 3],
    [16, 7, 1],
    [32, 3, 1],
  ])('reads the box and the landmarks of a cell of stride %i', async (stride, column, row) => {
    const [face, ...others] = await detect({
      stride,
      column,
      row,
      cls: 0.81,
      bbox: [0.25, 0.75, Math.log(2), Math.log(3)],
      kps: [0, 0, 1, 0, 0.5, 0.5, -0.25, 2, 1.25, -1],
    });

    expect(others).toEqual([]);
    const at = (x: number, y: number) => ({ x: (column + x) * stride, y: (row + y) * stride });
    const centre = at(0.25, 0.75);
    expect(face?.score).toBeCloseTo(0.9, 6);
    expect(face?.box.x).toBeCloseTo(centre.x - stride, 4);
    expect(face?.box.y).toBeCloseTo(centre.y - 1.5 * stride, 4);
    expect(face?.box.width).toBeCloseTo(2 * stride, 4);
    expect(face?.box.height).toBeCloseTo(3 * stride, 4);
    expect(face?.landmarks).toEqual([at(0, 0), at(1, 0), at(0.5, 0.5), at(-0.25, 2), at(1.25, -1)]);
  });

  it.each([
    ['the geometric mean of both', 0.64, 1, 0.8],
    ['the threshold itself', 0.25, 1, 0.5],
    ['1 for values beyond it', 3, 1.5, 1],
  ])('gives a score: %s', async (_, cls, obj, score) => {
    const [face] = await detect({ stride: 8, column: 0, row: 0, cls, obj });
    expect(face?.score).toBeCloseTo(score, 6);
  });

  it.each([
    ['is below the threshold', 0.24, 1],
    ['is below 0 twice', -1, -1],
    ['is no number', Number.NaN, 1],
    ['is no number in its other half', 1, Number.NaN],
  ])('takes a cell for none whose score %s', async (_, cls, obj) => {
    expect(await detect({ stride: 16, column: 2, row: 2, cls, obj })).toEqual([]);
  });

  it('counts overlapping detections as one face, and returns the best first', async () => {
    const wide = [0, 0, Math.log(3), Math.log(3)];
    const faces = await detect(
      { stride: 8, column: 2, row: 2, cls: 0.5, bbox: wide },
      { stride: 8, column: 3, row: 2, cls: 0.7, bbox: wide },
      { stride: 16, column: 6, row: 2, cls: 0.9 },
      { stride: 32, column: 2, row: 0, cls: 0.3, bbox: [0, 0, -1, -1] },
    );
    expect(faces.map(({ score }) => score.toFixed(3))).toEqual(
      [0.9, 0.7, 0.3].map((score) => Math.sqrt(score).toFixed(3)),
    );
  });

  it('pads the image to multiples of 32 with black at the right and the bottom', async () => {
    const [widthPx, heightPx] = [97, 33];
    const image = { widthPx, heightPx, data: new Uint8Array(3 * widthPx * heightPx).fill(200) };
    let seen: Parameters<RunDetector> | undefined;
    await detectFaces([image], MODEL, async (...asked) => {
      seen = asked;
      return outputsOf();
    });
    const [input, count, size] = seen as Parameters<RunDetector>;
    expect(count).toBe(1);
    expect(size).toEqual({ widthPx: 128, heightPx: 64 });
    expect(input).toHaveLength(3 * 128 * 64);
    const isFilledRight = input.every((value, i) => {
      const [x, y] = [i % 128, Math.floor(i / 128) % 64];
      return value === (x < widthPx && y < heightPx ? 200 : 0);
    });
    expect(isFilledRight).toBe(true);
  });

  it('searches several images of one size in one run, and returns their faces separately', async () => {
    const images = [10, 20, 30].map((value) => ({ ...blank(), data: blank().data.fill(value) }));
    const ofEach = [
      outputsOf({ stride: 8, column: 1, row: 1, cls: 0.64 }),
      outputsOf(),
      outputsOf({ stride: 32, column: 2, row: 1 }, { stride: 8, column: 15, row: 0, cls: 0.49 }),
    ];
    const faces = await detectFaces(images, MODEL, async (input, count) => {
      const values = input.length / count;
      expect([0, 1, 2].map((image) => input[image * values])).toEqual([10, 20, 30]);
      return new Map(
        [...(ofEach[0]?.keys() ?? [])].map((name) => [
          name,
          Float32Array.from(ofEach.flatMap((outputs) => [...(outputs.get(name) ?? [])])),
        ]),
      );
    });
    expect(faces.map((found) => found.map(({ score }) => Number(score.toFixed(3))))).toEqual([
      [0.8],
      [],
      [1, 0.7],
    ]);
    expect(await detectFaces([], MODEL, async () => outputsOf())).toEqual([]);
  });

  it('uses the channel order of the model', async () => {
    const red = {
      widthPx: 32,
      heightPx: 32,
      data: new Uint8Array(3 * 32 * 32).map((_, i) => (i % 3 === 0 ? 9 : 0)),
    };
    const planesFor = async (channels: 'rgb' | 'bgr'): Promise<number[]> => {
      let input = new Float32Array();
      const model = { ...MODEL, input: { ...MODEL.input, channels } };
      await detectFaces([red], model, async (given) => {
        input = given.slice();
        return outputsOf();
      });
      return [0, 1, 2].map((plane) => input[plane * 32 * 32] ?? -1);
    };
    expect(await planesFor('rgb')).toEqual([9, 0, 0]);
    expect(await planesFor('bgr')).toEqual([0, 0, 9]);
  });

  it.each(['cls_8', 'obj_16', 'bbox_32', 'kps_8'])(
    'names an output that the model lacks: %s',
    async (name) => {
      const outputs = outputsOf();
      outputs.delete(name);
      await expect(detectFaces([blank()], MODEL, async () => outputs)).rejects.toThrow(`"${name}"`);
    },
  );
});

it('scaleFace scales the box and the landmarks, and keeps the score', () => {
  const point = { x: 4, y: 6 };
  const face = {
    box: { x: -1, y: 2, width: 10, height: 20 },
    landmarks: [point, { x: 0, y: -2 }, point, point, { x: 8, y: 8 }],
    score: 0.7,
  } as const;
  expect(scaleFace(face, 2.5)).toEqual({
    box: { x: -2.5, y: 5, width: 25, height: 50 },
    landmarks: [
      { x: 10, y: 15 },
      { x: 0, y: -5 },
      { x: 10, y: 15 },
      { x: 10, y: 15 },
      { x: 20, y: 20 },
    ],
    score: 0.7,
  });
});
