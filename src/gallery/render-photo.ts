import { ImageError } from '../shared/errors.js';
import { recogniseFormat } from '../shared/image-format.js';

const QUALITY = 80;
/** A small file can take minutes to decode. */
const MAX_RENDER_S = 20;

export interface RenderOptions {
  /** Longer side of the result. */
  readonly sizePx: number;
  /** Of the photo. */
  readonly maxPixels: number;
}

/**
 * Renders a photo as JPEG: sRGB, upright, without metadata.
 *
 * @throws {ImageError} it is in a format that cannot be rendered
 * @throws {Error} sharp's, without a code, if the photo is broken
 */
export async function renderPhoto(photo: Buffer, { sizePx, maxPixels }: RenderOptions): Promise<Buffer> {
  if (!isRendered(photo)) throw new ImageError('It is not in a format that can be shown.');
  // It takes 20 MB, which a dashboard without photos does not need.
  const { default: sharp } = await import('sharp');
  return sharp(photo, { limitInputPixels: maxPixels, failOn: 'none' })
    .rotate()
    .resize(sizePx, sizePx, { fit: 'inside', withoutEnlargement: true })
    .jpeg({ quality: QUALITY })
    .timeout({ seconds: MAX_RENDER_S })
    .toBuffer();
}

/** Checks before sharp sees the photo: it would also render SVG, which can read other files. */
function isRendered(photo: Buffer): boolean {
  const format = recogniseFormat(photo);
  // sharp reads no HEIC.
  return format !== null && format !== 'HEIC';
}
