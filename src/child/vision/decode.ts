import sharp, { type Metadata } from 'sharp';
import { ImageError, messageOf } from '../../shared/errors.js';
import { PICTURE_FORMATS, recogniseFormat } from '../../shared/image-format.js';
import type { RgbImage } from './pixels.js';

/**
 * Longest side of what faces are cropped from. A face that fills a tenth of it still has more pixels than the
 * embedder's 112.
 */
export const WORKING_SIDE_PX = 1920;

export interface DecodedPicture {
  /** A copy that is no larger than was asked for. */
  readonly image: RgbImage;
  /** Size of the whole picture as a person sees it. */
  readonly widthPx: number;
  readonly heightPx: number;
}

/**
 * Decodes one picture: its first frame, EXIF orientation applied, 8-bit sRGB, transparency laid on white. JPEG
 * and WebP are shrunk while they are loaded.
 *
 * @param sidePx longest side of the copy
 * @throws {ImageError} it is not a photograph of a known format, is broken, or has more than `maxPixels`
 */
export async function decodeImage(
  encoded: Buffer,
  maxPixels: number,
  sidePx = WORKING_SIDE_PX,
): Promise<DecodedPicture> {
  checkFormat(encoded);
  try {
    // The limit is judged on the header alone, with a sentence of our own.
    const metadata = await sharp(encoded, { limitInputPixels: false }).metadata();
    checkPixels(metadata, maxPixels);
    const { data, info } = await sharp(encoded, { limitInputPixels: maxPixels, failOn: 'error' })
      .autoOrient()
      .resize({ width: sidePx, height: sidePx, fit: 'inside', withoutEnlargement: true })
      .flatten({ background: '#ffffff' })
      .toColourspace('srgb')
      .raw({ depth: 'uchar' })
      .toBuffer({ resolveWithObject: true });
    const image = { data, widthPx: info.width, heightPx: info.height };
    return { image, widthPx: metadata.autoOrient.width, heightPx: metadata.autoOrient.height };
  } catch (error) {
    if (error instanceof ImageError) throw error;
    throw new ImageError(`The image cannot be decoded (${firstLine(messageOf(error))}).`, 'unreadable', {
      cause: error,
    });
  }
}

function checkFormat(encoded: Buffer): void {
  const format = recogniseFormat(encoded);
  if (format !== null && format !== 'HEIC') return;
  const problem = format === 'HEIC' ? 'is in HEIC, which cannot be decoded' : 'is in no format that is known';
  throw new ImageError(`The image ${problem}; use ${PICTURE_FORMATS.join(', ')}.`, 'unknown-format');
}

function checkPixels({ width, height }: Metadata, maxPixels: number): void {
  if (width * height <= maxPixels) return;
  throw new ImageError(
    `The image has ${width * height} pixels (${width} x ${height}); at most ${maxPixels} are allowed.`,
    'too-large',
  );
}

/**
 * A smaller copy of an image, averaged over the pixels that fall together.
 *
 * @returns the image itself where its longest side is no longer than `sidePx`
 */
export async function shrink(image: RgbImage, sidePx: number): Promise<RgbImage> {
  if (Math.max(image.widthPx, image.heightPx) <= sidePx) return image;
  const { data, info } = await sharp(image.data, {
    raw: { width: image.widthPx, height: image.heightPx, channels: 3 },
  })
    .resize({ width: sidePx, height: sidePx, fit: 'inside' })
    .raw()
    .toBuffer({ resolveWithObject: true });
  return { data, widthPx: info.width, heightPx: info.height };
}

function firstLine(text: string): string {
  return text.trim().split('\n', 1)[0] ?? '';
}
