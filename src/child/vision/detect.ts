import type { Box, Landmarks, Point } from '../../shared/face.js';
import type { DetectorModel } from '../../shared/model-pack.js';
import { withInput } from './pixels/network-input.js';
import { suppressNonMaxima } from './nms.js';
import type { RgbImage } from './pixels/rgb-image.js';

/** A detected face, in pixels of the searched image. */
export interface DetectedFace {
  readonly box: Box;
  readonly landmarks: Landmarks;
  /** 0..1 */
  readonly score: number;
}

/**
 * Runs the detector.
 *
 * @param input float32 NCHW [count, 3, heightPx, widthPx]; used again after the run
 * @returns its outputs by name, each [count, cells, values]
 */
export type RunDetector = (
  input: Float32Array,
  count: number,
  size: { readonly widthPx: number; readonly heightPx: number },
) => Promise<ReadonlyMap<string, Float32Array>>;

/** The network halves its input five times. */
const SIZE_MULTIPLE = 32;

/**
 * Finds faces with YuNet (Wu, Peng, Yu: "YuNet: A Tiny Millisecond-level Face Detector", 2023).
 *
 * @param images all of the same size
 * @returns for each image its faces, best first; empty if there is none
 */
export async function detectFaces(
  images: readonly RgbImage[],
  model: DetectorModel,
  run: RunDetector,
): Promise<DetectedFace[][]> {
  const [first] = images;
  if (first === undefined) return [];
  const size = { widthPx: roundUp(first.widthPx), heightPx: roundUp(first.heightPx) };
  const outputs = await withInput(images, size, model.input, (input) => run(input, images.length, size));
  return images.map((_, i) => {
    const candidates = model.strides.flatMap((stride) =>
      readStride(outputs, { stride, size, image: i }, model.scoreThreshold),
    );
    return suppressNonMaxima(candidates, model.iouThreshold);
  });
}

interface StrideOfImage {
  readonly stride: number;
  readonly size: { readonly widthPx: number; readonly heightPx: number };
  /** Index in the batch. */
  readonly image: number;
}

/**
 * Candidates of one stride. Cells are in row-major order; offsets are in cells, sizes are logarithms of cells
 * (libfacedetection.train, `mmdet/models/dense_heads/yunet_head.py`: `_bbox_decode`, `_kps_decode`).
 */
function readStride(
  outputs: ReadonlyMap<string, Float32Array>,
  { stride, size, image }: StrideOfImage,
  scoreThreshold: number,
): DetectedFace[] {
  const columns = size.widthPx / stride;
  const cells = columns * (size.heightPx / stride);
  const read = (name: string, values: number): Float32Array =>
    readOutput(outputs, `${name}_${stride}`).subarray(image * cells * values, (image + 1) * cells * values);
  const [cls, obj, bbox, kps] = [read('cls', 1), read('obj', 1), read('bbox', 4), read('kps', 10)];
  const found: DetectedFace[] = [];
  for (let cell = 0; cell < cells; cell += 1) {
    const score = Math.sqrt(clamp(cls[cell] ?? 0) * clamp(obj[cell] ?? 0));
    // Written so that NaN is skipped.
    if (!(score >= scoreThreshold)) continue;
    const place = { x: cell % columns, y: Math.floor(cell / columns), stride };
    const [box, landmarks] = [bbox.subarray(4 * cell), kps.subarray(10 * cell)];
    found.push({ box: readBox(box, place), landmarks: readLandmarks(landmarks, place), score });
  }
  return found;
}

/** Column and row of a cell, and its size in pixels. */
interface Cell extends Point {
  readonly stride: number;
}

/** @param values x and y of the middle, width and height */
function readBox(values: Float32Array, cell: Cell): Box {
  const middle = readPoint(values, 0, cell);
  const width = Math.exp(values[2] ?? 0) * cell.stride;
  const height = Math.exp(values[3] ?? 0) * cell.stride;
  return { x: middle.x - width / 2, y: middle.y - height / 2, width, height };
}

function readLandmarks(values: Float32Array, cell: Cell): Landmarks {
  const landmark = (index: number): Point => readPoint(values, 2 * index, cell);
  return [landmark(0), landmark(1), landmark(2), landmark(3), landmark(4)];
}

function readPoint(values: Float32Array, index: number, { x, y, stride }: Cell): Point {
  return { x: (x + (values[index] ?? 0)) * stride, y: (y + (values[index + 1] ?? 0)) * stride };
}

/** The same face in an image that is `factor` times as large. */
export function scaleFace(face: DetectedFace, factor: number): DetectedFace {
  const { width, height } = face.box;
  const { box, landmarks, score } = mapFace(face, ({ x, y }) => ({ x: x * factor, y: y * factor }));
  return { box: { ...box, width: width * factor, height: height * factor }, landmarks, score };
}

/** The same face in an image that has `offset` more pixels to the left and above. */
export function moveFace(face: DetectedFace, offset: Point): DetectedFace {
  return mapFace(face, ({ x, y }) => ({ x: x + offset.x, y: y + offset.y }));
}

/** @param map called for the landmarks and the box's upper left corner; the box keeps its size */
function mapFace({ box, landmarks, score }: DetectedFace, map: (point: Point) => Point): DetectedFace {
  const [a, b, c, d, e] = landmarks;
  return { box: { ...box, ...map(box) }, landmarks: [map(a), map(b), map(c), map(d), map(e)], score };
}

function readOutput(outputs: ReadonlyMap<string, Float32Array>, name: string): Float32Array {
  const values = outputs.get(name);
  if (values === undefined) throw new Error(`The detector has no output "${name}"`);
  return values;
}

function clamp(value: number): number {
  return Math.min(1, Math.max(0, value));
}

function roundUp(sizePx: number): number {
  return Math.ceil(sizePx / SIZE_MULTIPLE) * SIZE_MULTIPLE;
}
