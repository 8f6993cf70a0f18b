import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { InferenceSession, Tensor } from 'onnxruntime-node';
import sharp from 'sharp';
import { LANDMARKS } from '../../../scripts/tiny/drawn-face.mjs';
import { writeTinyModels } from '../../../scripts/tiny/models.mjs';

export interface FoundFace {
  readonly score: number;
  /** Centre and side of the box, in pixels. */
  readonly centreX: number;
  readonly centreY: number;
  readonly sizePx: number;
  readonly landmarks: readonly (readonly [x: number, y: number])[];
}

/** The tiny models behind the plainest reading of their outputs, so that the models alone are on trial. */
export async function openTinyEngine() {
  const directory = await mkdtemp(path.join(tmpdir(), 'tiny-models-'));
  await writeTinyModels(directory);
  const open = async (file: string) => InferenceSession.create(path.join(directory, file));
  const detector = await open('drawn_face_detector.onnx');
  const embedder = await open('drawn_face_embedder.onnx');
  await rm(directory, { recursive: true });

  return {
    detect: async (picture: Buffer): Promise<FoundFace[]> => {
      const { pixels, widthPx, heightPx } = await decode(picture, 32);
      const input = toPlanes(pixels, [2, 1, 0]);
      const feeds = { input: new Tensor('float32', input, [1, 3, heightPx, widthPx]) };
      return suppressOverlaps(decodeFaces(await detector.run(feeds), widthPx));
    },

    /** Unit vectors of faces that stand upright, all in one run. */
    embed: async (picture: Buffer, faces: readonly FoundFace[]): Promise<Float32Array[]> => {
      const pixels = await decode(picture, 1);
      const crops = faces.flatMap((face) => [...toPlanes(cropUpright(pixels, face), [0, 1, 2])]);
      const input = new Tensor('float32', Float32Array.from(crops), [faces.length, 3, 112, 112]);
      const embeddings = (await embedder.run({ input }))['embedding']?.data as Float32Array;
      return faces.map((_, i) => {
        const embedding = embeddings.slice(512 * i, 512 * (i + 1));
        const length = Math.hypot(...embedding);
        return embedding.map((value) => value / length);
      });
    },
  };
}

interface Pixels {
  /** RGB, row-major, 0..255. */
  readonly pixels: Uint8Array;
  readonly widthPx: number;
  readonly heightPx: number;
}

async function decode(picture: Buffer, multiple: number): Promise<Pixels> {
  const { width, height } = await sharp(picture).metadata();
  const right = -width & (multiple - 1);
  const bottom = -height & (multiple - 1);
  const pixels = await sharp(picture)
    .toColourspace('srgb')
    .removeAlpha()
    .extend({ right, bottom, background: 'black' })
    .raw()
    .toBuffer();
  return { pixels, widthPx: width + right, heightPx: height + bottom };
}

function toPlanes(pixels: ArrayLike<number>, channels: readonly number[]): Float32Array {
  const area = pixels.length / 3;
  return Float32Array.from(
    { length: 3 * area },
    (_, i) => pixels[3 * (i % area) + (channels[Math.floor(i / area)] ?? 0)] ?? 0,
  );
}

/** As YuNet's own decoder does: see github.com/ShiqiYu/libfacedetection.train. */
function decodeFaces(outputs: InferenceSession.ReturnType, widthPx: number): FoundFace[] {
  return [8, 16, 32].flatMap((stride) => {
    const read = (name: string) => outputs[`${name}_${stride}`]?.data as Float32Array;
    const [cls, obj, bbox, kps] = [read('cls'), read('obj'), read('bbox'), read('kps')];
    return Array.from(cls, (value, cell) => {
      const column = cell % (widthPx / stride);
      const row = Math.floor(cell / (widthPx / stride));
      return {
        score: Math.sqrt(value * at(obj, cell)),
        centreX: (column + at(bbox, 4 * cell)) * stride,
        centreY: (row + at(bbox, 4 * cell + 1)) * stride,
        sizePx: Math.exp(at(bbox, 4 * cell + 2)) * stride,
        landmarks: LANDMARKS.map(
          (_, i) =>
            [
              (column + at(kps, 10 * cell + 2 * i)) * stride,
              (row + at(kps, 10 * cell + 2 * i + 1)) * stride,
            ] as const,
        ),
      };
    });
  });
}

function at(values: Float32Array | undefined, i: number): number {
  return values?.[i] ?? Number.NaN;
}

function suppressOverlaps(faces: readonly FoundFace[]): FoundFace[] {
  const kept: FoundFace[] = [];
  const candidates = faces.filter((face) => face.score >= 0.6).toSorted((a, b) => b.score - a.score);
  for (const face of candidates) {
    if (kept.every((other) => overlap(face, other) < 0.3)) kept.push(face);
  }
  return kept;
}

function overlap(a: FoundFace, b: FoundFace): number {
  const along = (x: number, y: number) =>
    Math.max(0, Math.min(x + a.sizePx / 2, y + b.sizePx / 2) - Math.max(x - a.sizePx / 2, y - b.sizePx / 2));
  const shared = along(a.centreX, b.centreX) * along(a.centreY, b.centreY);
  return shared / (a.sizePx ** 2 + b.sizePx ** 2 - shared);
}

/** The 112 x 112 crop whose eyes' distance and nose are the template's. RGB, row-major. */
function cropUpright({ pixels, widthPx, heightPx }: Pixels, { landmarks }: FoundFace): Float32Array {
  const [rightEye, leftEye, nose] = landmarks;
  const [rightGoal, leftGoal, noseGoal] = LANDMARKS;
  if (!rightEye || !leftEye || !nose || !rightGoal || !leftGoal || !noseGoal) throw new Error('No landmarks');
  const scale = (leftEye[0] - rightEye[0]) / (leftGoal.x - rightGoal.x);
  const read = (x: number, y: number, channel: number) =>
    x < 0 || y < 0 || x >= widthPx || y >= heightPx ? 0 : (pixels[3 * (y * widthPx + x) + channel] ?? 0);
  return Float32Array.from({ length: 3 * 112 * 112 }, (_, i) => {
    const place = Math.floor(i / 3);
    const x = nose[0] + ((place % 112) + 0.5 - noseGoal.x) * scale - 0.5;
    const y = nose[1] + (Math.floor(place / 112) + 0.5 - noseGoal.y) * scale - 0.5;
    const [left, top] = [Math.floor(x), Math.floor(y)];
    const mix = (row: number) =>
      read(left, row, i % 3) * (left + 1 - x) + read(left + 1, row, i % 3) * (x - left);
    return mix(top) * (top + 1 - y) + mix(top + 1) * (y - top);
  });
}
