import sharp, { type Metadata } from 'sharp';
import { ImageError, messageOf } from '../../shared/errors.js';
import type { RgbImage } from './pixels.js';

/** Formats of photographs. Others that libvips could read (SVG, PDF) are programs rather than pictures. */
const FORMATS: ReadonlySet<string> = new Set(['jpeg', 'png', 'webp', 'gif', 'heif', 'tiff', 'jp2', 'jxl']);

/**
 * Longest side of what faces are cropped from. A face that fills a tenth of it still has more pixels than the
 * embedder's 112.
 */
export const WORKING_SIDE_PX = 1920;

export interface DecodedPicture {
  /** At most `WORKING_SIDE_PX` on its longest side; EXIF orientation applied, sRGB. */
  readonly image: RgbImage;
  /** Size of the whole picture as a person sees it. */
  readonly widthPx: number;
  readonly heightPx: number;
}

/**
 * Decodes one picture: the first frame, upright, 8-bit sRGB without transparency (laid on white). JPEG and WebP
 * are shrunk while they are loaded.
 *
 * @param encoded the file's bytes, or its path
 * @throws {ImageError} it is not a picture of a known format, is broken, or has more than `maxPixels`
 */
export async function decodePicture(encoded: Buffer | string, maxPixels: number): Promise<DecodedPicture> {
  try {
    // The limit is judged here, on the header alone, with a sentence of our own.
    const metadata = await sharp(encoded, { limitInputPixels: false }).metadata();
    checkMetadata(metadata, maxPixels);
    const { data, info } = await sharp(encoded, { limitInputPixels: maxPixels, failOn: 'truncated' })
      .autoOrient()
      .resize({ width: WORKING_SIDE_PX, height: WORKING_SIDE_PX, fit: 'inside', withoutEnlargement: true })
      .flatten({ background: '#ffffff' })
      .toColourspace('srgb')
      .raw({ depth: 'uchar' })
      .toBuffer({ resolveWithObject: true });
    const image = { data: toRgb(data, info.channels), widthPx: info.width, heightPx: info.height };
    return { image, widthPx: metadata.autoOrient.width, heightPx: metadata.autoOrient.height };
  } catch (error) {
    if (error instanceof ImageError) throw error;
    throw new ImageError(`the picture cannot be decoded (${firstLine(messageOf(error))}).`, { cause: error });
  }
}

function checkMetadata({ format, width, height }: Metadata, maxPixels: number): void {
  if (format === undefined || !FORMATS.has(format)) {
    throw new ImageError(
      `the format ${format ?? 'unknown'} is not supported; use JPEG, PNG, WebP, AVIF or GIF.`,
    );
  }
  const pixels = width * height;
  if (pixels > maxPixels) {
    throw new ImageError(
      `the picture has ${pixels} pixels (${width} x ${height}); at most ${maxPixels} are allowed.`,
    );
  }
}

/** Grayscale comes with one channel: it is the same in all three. */
function toRgb(data: Buffer, channels: number): Uint8Array {
  if (channels === 3) return data;
  const rgb = new Uint8Array((data.length / channels) * 3);
  for (let from = 0, to = 0; from < data.length; from += channels, to += 3) {
    rgb.fill(data[from] ?? 0, to, to + 3);
  }
  return rgb;
}

/**
 * A smaller copy of an image, averaged over the pixels that fall together.
 *
 * @returns the image itself where it is no larger than `sidePx`
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
