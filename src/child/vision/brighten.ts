import type { Box } from '../../shared/face.js';
import type { DetectorModel } from '../../shared/model-pack.js';
import { detectFaces, type RunDetector } from './detect.js';
import { DETECTOR_SIDE_PX, type FoundFaces, scaleFaces } from './find-faces.js';
import { pickMainFace } from './pick-main-face.js';
import type { RgbImage } from './pixels/rgb-image.js';
import { shrink } from './pixels/resample.js';

/** An area whose bright pixels are darker than this is brightened until they are at `BRIGHT_LUMA` (docs/engine.md). */
const DARK_LUMA = 100;
const BRIGHT_LUMA = 200;
/** Share of the pixels that may be brighter: lamps and reflections. */
const BRIGHTER_SHARE = 0.05;
/** At most this many pixels are counted. */
const SAMPLES = 20_000;

export interface BrightFaces extends FoundFaces {
  /** By which all pixels were multiplied; 1 for an image that is bright enough. */
  readonly gain: number;
}

/** Brightens an image whose main face, or all of it if no face was found, is dark, and finds its faces again. */
export async function brightenDark(
  found: FoundFaces,
  model: DetectorModel,
  run: RunDetector,
): Promise<BrightFaces> {
  const gain = gainFor(found.image, pickMainFace(found.faces, found.image)?.box ?? null);
  if (gain === 1) return { ...found, gain };
  const image = brighten(found.image, gain);
  const small = shrink(image, DETECTOR_SIDE_PX);
  const [faces = []] = await detectFaces([small], model, run);
  // The landmarks in the dark are better than none.
  return { image, small, faces: faces.length > 0 ? scaleFaces(faces, small, image) : found.faces, gain };
}

/** @param area in pixels of the image; `null` for the whole image */
function gainFor(image: RgbImage, area: Box | null): number {
  const bright = brightLumaOf(image, area ?? { x: 0, y: 0, width: image.widthPx, height: image.heightPx });
  return bright < DARK_LUMA ? BRIGHT_LUMA / Math.max(1, bright) : 1;
}

function brighten({ data, widthPx, heightPx }: RgbImage, gain: number): RgbImage {
  const table = Uint8Array.from({ length: 256 }, (_, value) => Math.min(255, Math.round(value * gain)));
  return { data: data.map((value) => table[value] as number), widthPx, heightPx };
}

function brightLumaOf({ data, widthPx, heightPx }: RgbImage, { x, y, width, height }: Box): number {
  const [left, top] = [Math.max(0, Math.floor(x)), Math.max(0, Math.floor(y))];
  const [right, bottom] = [
    Math.min(widthPx, Math.ceil(x + width)),
    Math.min(heightPx, Math.ceil(y + height)),
  ];
  const step = Math.max(1, Math.floor(Math.sqrt(((right - left) * (bottom - top)) / SAMPLES)));
  const counts = new Uint32Array(256);
  let total = 0;
  for (let row = top; row < bottom; row += step) {
    for (let column = left; column < right; column += step, total += 1) {
      const i = 3 * (row * widthPx + column);
      // ITU-R BT.601.
      const luma = 0.299 * (data[i] ?? 0) + 0.587 * (data[i + 1] ?? 0) + 0.114 * (data[i + 2] ?? 0);
      counts[Math.floor(luma)] = (counts[Math.floor(luma)] ?? 0) + 1;
    }
  }
  let above = 0;
  for (let luma = 255; luma > 0; luma -= 1) {
    above += counts[luma] ?? 0;
    if (above > BRIGHTER_SHARE * total) return luma;
  }
  return 0;
}
