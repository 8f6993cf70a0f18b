import sharp from 'sharp';
import { FACE_BOX, FEATURE_AREA, drawHead } from './drawn-face.mjs';

/** Side of a template, in pixels: odd, so that a template has a pixel in its middle. */
export const TEMPLATE_SIZE = 21;

/**
 * Blurring filter, along each axis, of the template and of the image. It makes the match tolerate an offset of
 * half a pixel, and a size between two templates.
 */
export const BLUR = [0.1, 0.8, 0.1];

const SAMPLES_PER_PIXEL = 16;
const SKIN = '#e8b98f';

/**
 * A face's features as a filter, for a face of one size with its centre in the middle of a pixel.
 *
 * @typedef {object} FaceTemplate
 * @property {readonly number[]} kernel TEMPLATE_SIZE² values, row-major; their sum is 0, and their product
 *   with an image of mean 0 and variance 1 (under `columns` x `rows`) is the correlation, -1..1
 * @property {readonly number[]} columns TEMPLATE_SIZE weights of the feature area's columns; their sum is 1
 * @property {readonly number[]} rows TEMPLATE_SIZE weights of its rows; their sum is 1
 */

/**
 * @param {number} faceSizePx up to 1.5 pixels more than {@link TEMPLATE_SIZE}
 * @returns {Promise<FaceTemplate>}
 */
export async function createFaceTemplate(faceSizePx) {
  const pixelsPerUnit = faceSizePx / FACE_BOX.size;
  const centre = FACE_BOX.size / 2;
  const left = (FEATURE_AREA.x - FACE_BOX.x - centre) * pixelsPerUnit;
  const top = (FEATURE_AREA.y - FACE_BOX.y - centre) * pixelsPerUnit;
  const columns = coverage(left, left + FEATURE_AREA.width * pixelsPerUnit);
  const rows = coverage(top, top + FEATURE_AREA.height * pixelsPerUnit);

  const luma = blur(await renderHead(pixelsPerUnit));
  const weights = rows.flatMap((row) => columns.map((column) => row * column));
  const mean = sum(weights.map((weight, i) => weight * (luma[i] ?? 0)));
  const variance = sum(weights.map((weight, i) => weight * ((luma[i] ?? 0) - mean) ** 2));
  const kernel = weights.map((weight, i) => (weight * ((luma[i] ?? 0) - mean)) / Math.sqrt(variance));
  return { kernel, columns, rows };
}

/**
 * The share of each of the TEMPLATE_SIZE pixels that lies between two positions, relative to the middle.
 *
 * @param {number} from
 * @param {number} to
 */
function coverage(from, to) {
  return Array.from({ length: TEMPLATE_SIZE }, (_, i) => {
    const start = i - TEMPLATE_SIZE / 2;
    return Math.max(0, Math.min(to, start + 1) - Math.max(from, start)) / (to - from);
  });
}

/**
 * @param {readonly number[]} pixels (TEMPLATE_SIZE + 2)² of them, row-major
 * @returns {number[]} TEMPLATE_SIZE² of them
 */
function blur(pixels) {
  const side = TEMPLATE_SIZE + 2;
  return Array.from({ length: TEMPLATE_SIZE ** 2 }, (_, i) => {
    const first = Math.floor(i / TEMPLATE_SIZE) * side + (i % TEMPLATE_SIZE);
    const terms = BLUR.flatMap((row, y) =>
      BLUR.map((column, x) => row * column * (pixels[first + y * side + x] ?? 0)),
    );
    return sum(terms);
  });
}

/**
 * Luma of a head in the middle of (TEMPLATE_SIZE + 2)² pixels, row-major, 0..255.
 *
 * @param {number} pixelsPerUnit
 */
async function renderHead(pixelsPerUnit) {
  const sidePx = TEMPLATE_SIZE + 2;
  const sizeUnits = sidePx / pixelsPerUnit;
  const x = FACE_BOX.x + FACE_BOX.size / 2 - sizeUnits / 2;
  const y = FACE_BOX.y + FACE_BOX.size / 2 - sizeUnits / 2;
  const side = sidePx * SAMPLES_PER_PIXEL;
  const svg = `<svg xmlns="http://www.w3.org/2000/svg" width="${side}" height="${side}" viewBox="${x} ${y} ${sizeUnits} ${sizeUnits}">${drawHead(SKIN)}</svg>`;
  const pixels = await sharp(Buffer.from(svg)).flatten().removeAlpha().raw().toBuffer();
  const luma = Array.from({ length: sidePx ** 2 }, () => 0);
  for (let i = 0; i < side * side; i++) {
    const column = Math.floor((i % side) / SAMPLES_PER_PIXEL);
    const row = Math.floor(i / side / SAMPLES_PER_PIXEL);
    const value = lumaOf(pixels[3 * i] ?? 0, pixels[3 * i + 1] ?? 0, pixels[3 * i + 2] ?? 0);
    const at = row * sidePx + column;
    luma[at] = (luma[at] ?? 0) + value / SAMPLES_PER_PIXEL ** 2;
  }
  return luma;
}

/** ITU-R BT.601, the weights of a JPEG's Y. @type {(red: number, green: number, blue: number) => number} */
function lumaOf(red, green, blue) {
  return 0.299 * red + 0.587 * green + 0.114 * blue;
}

/** @param {readonly number[]} values */
function sum(values) {
  return values.reduce((total, value) => total + value, 0);
}
