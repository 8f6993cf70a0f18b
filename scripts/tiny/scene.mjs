import sharp from 'sharp';
import { FACE_BOX, drawPerson } from './drawn-face.mjs';

/**
 * A face to draw: which person (0 to 1022), and the square box of the head in pixels, from its top left
 * corner. The cap reaches half a box above it, the shoulders a quarter below and a fifth to the sides.
 *
 * @typedef {{ person: number, x: number, y: number, sizePx: number }} DrawnFace
 */

/**
 * Draws people on a plain background.
 *
 * @param {{ widthPx: number, heightPx: number, faces: readonly DrawnFace[], background?: string }} scene
 *   `background` is an SVG colour
 * @returns {Promise<Buffer>} a PNG
 * @throws {RangeError} if there is no such person
 */
export async function drawScene({ widthPx, heightPx, faces, background = '#cfdde6' }) {
  const people = faces.map(({ person, x, y, sizePx }) => {
    const scale = sizePx / FACE_BOX.size;
    const matrix = [scale, 0, 0, scale, x - FACE_BOX.x * scale, y - FACE_BOX.y * scale];
    return `<g transform="matrix(${matrix.join(' ')})">${drawPerson(person)}</g>`;
  });
  const svg = `<svg xmlns="http://www.w3.org/2000/svg" width="${widthPx}" height="${heightPx}"><rect width="100%" height="100%" fill="${background}"/>${people.join('')}</svg>`;
  return sharp(Buffer.from(svg)).flatten({ background }).png().toBuffer();
}
