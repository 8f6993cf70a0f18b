import { goldCode } from './gold-code.mjs';

/**
 * A drawn face in units of the ArcFace crop (112 x 112): its eyes, nose and mouth lie on that template,
 * so that aligned crops of all drawn faces differ only in the person.
 *
 * The detector looks for the features, dark on bright skin, which are the same for every person.
 * The embedder tells people apart by the cap, a mosaic of light and dark squares.
 * Both depend only on the luminance, so grey and coloured images work equally well.
 */
export const CROP_SIZE = 112;

/** The face's box: a square around the head, from under the top of the cap to the chin. */
export const FACE_BOX = { x: 16, y: 32, size: 80 };

/** Where the five landmarks are: right eye, left eye, nose tip, right and left corner of the mouth. */
export const LANDMARKS = /** @type {const} */ ([
  { x: 38.2946, y: 51.6963 },
  { x: 73.5318, y: 51.5014 },
  { x: 56.0252, y: 71.7366 },
  { x: 41.5493, y: 92.3655 },
  { x: 70.7299, y: 92.2041 },
]);

/** The part of the head that shows only features, for every person and any background. */
export const FEATURE_AREA = { x: 25.5, y: 46, width: 61, height: 56 };

/** The mosaic: the 31 bits of a Gold code, row by row, and one light square. */
export const MOSAIC = { x: 8, y: 0, columns: 8, rows: 4, cellWidth: 12, cellHeight: 10 };

/** Where a drawn face reaches beyond the crop: the top of the cap and the shoulders. */
const CAP_TOP = -5;
const SHOULDER_BOTTOM = 132;

const DARK_LUMA = 55;
const LIGHT_LUMA = 205;
const SKINS = ['#ffdbac', '#f1c27d', '#e8b98f', '#d9a066', '#f6cfb5'];
const FEATURE_INK = '#241a16';

/**
 * SVG of one person, in crop units (see {@link CROP_SIZE}).
 *
 * @param {number} person 0 to 1022
 * @throws {RangeError} if there is no such person
 */
export function drawPerson(person) {
  const hue = (person * 137.508) % 360; // Steps of the golden angle keep neighbours apart.
  const skin = SKINS[person % SKINS.length] ?? '';
  const shirt = colourOf(hue + 180, 120);
  return [
    `<path d="M0 ${SHOULDER_BOTTOM}Q4 108 40 106H72Q108 108 112 ${SHOULDER_BOTTOM}Z" fill="${shirt}"/>`,
    drawHead(skin),
    drawCap(goldCode(person), hue),
  ].join('');
}

/**
 * SVG of a bald head with its features and the cap's dark rim, in crop units.
 *
 * @param {string} skin an SVG colour
 */
export function drawHead(skin) {
  const [rightEye, leftEye, nose, rightMouth, leftMouth] = LANDMARKS;
  const { x, y, size } = FACE_BOX;
  return [
    `<rect x="${x}" y="${y}" width="${size}" height="${size}" rx="26" fill="${skin}" stroke="${FEATURE_INK}" stroke-width="1"/>`,
    drawEye(rightEye),
    drawEye(leftEye),
    `<ellipse cx="${nose.x}" cy="${nose.y}" rx="5" ry="4" fill="#a0522d"/>`,
    `<path d="M${rightMouth.x - 2} ${rightMouth.y - 3}Q56 98 ${leftMouth.x + 2} ${leftMouth.y - 3}Q56 108 ${rightMouth.x - 2} ${rightMouth.y - 3}Z" fill="${FEATURE_INK}" stroke="${FEATURE_INK}" stroke-width="2" stroke-linejoin="round"/>`,
    `<rect x="4" y="40" width="104" height="3" fill="${FEATURE_INK}"/>`,
  ].join('');
}

/** @param {{ x: number, y: number }} centre */
function drawEye({ x, y }) {
  return `<circle cx="${x}" cy="${y + 1}" r="6" fill="${FEATURE_INK}"/><circle cx="${x + 2}" cy="${y - 1}" r="1.5" fill="white"/>`;
}

/**
 * @param {readonly (0 | 1)[]} code
 * @param {number} hue degrees
 */
function drawCap(code, hue) {
  const { x, y, columns, rows, cellWidth, cellHeight } = MOSAIC;
  const squares = Array.from({ length: columns * rows }, (_, i) => {
    const row = Math.floor(i / columns);
    const top = row === 0 ? CAP_TOP : y + row * cellHeight;
    const bottom = y + (row + 1) * cellHeight;
    const colour = code[i] === 1 ? colourOf(hue + 40, DARK_LUMA) : colourOf(hue, LIGHT_LUMA);
    return `<rect x="${x + (i % columns) * cellWidth}" y="${top}" width="${cellWidth + 0.2}" height="${bottom - top + 0.2}" fill="${colour}"/>`;
  });
  return squares.join('');
}

/**
 * A lively colour of the given luma (ITU-R BT.601, 0..255).
 *
 * @param {number} hue degrees
 * @param {number} luma
 */
function colourOf(hue, luma) {
  const pure = [0, 120, 240].map((shift) => 127.5 + 90 * Math.cos(((hue - shift) * Math.PI) / 180));
  const [red = 0, green = 0, blue = 0] = pure;
  const offset = luma - (0.299 * red + 0.587 * green + 0.114 * blue);
  const mixed = pure.map((value) => Math.round(Math.min(255, Math.max(0, value + offset))));
  return `rgb(${mixed.join(',')})`;
}
