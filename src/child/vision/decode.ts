import sharp, { type SharpOptions } from 'sharp';
import { ImageError, messageOf } from '../../shared/errors.js';
import { IMAGE_FORMATS, type ImageFormat, recogniseFormat } from '../../shared/image-format.js';
import { readJpegHeader } from './jpeg-header.js';
import type { RgbImage } from './pixels/rgb-image.js';
import { countTiffPages } from './tiff-header.js';

/** Longest side of the copy that faces are cut out of. The copy of a JPEG may be smaller: see `workingSideOf`. */
export const WORKING_SIDE_PX = 1920;
/** The detector searches a copy of this size, so a smaller one would cost accuracy. */
const SMALLEST_SIDE_PX = 960;
/** libjpeg-turbo shrinks by these factors while it decodes, which also saves most of the time. */
const JPEG_OCTAVES = [8, 4, 2] as const;

/** Cameras and programs write about ten scans. */
const MAX_JPEG_SCANS = 64;
/** Only the first page is read, but the decoder visits all: 20 MB of them take ten seconds. */
const MAX_TIFF_PAGES = 1000;
/** A JPEG of 100 megapixels takes about a second on an idle core. */
const TIMEOUT_S = 10;
/** A thread decodes images from this size on one at a time, so that other threads get a core, too. */
const LARGE_PIXELS = 30_000_000;
/** The decoder shrinks only JPEG while it loads it; other formats are decoded at full size. AVIF takes 0.1 s per megapixel. */
const MAX_UNSHRINKABLE_PIXELS = 50_000_000;
const MAX_AVIF_PIXELS = 20_000_000;
/** Profiles of sRGB have 0.5 to 60 KB. */
const SEARCHED_PROFILE_BYTES = 65_536;
/** A truncated JPEG is accepted if at least this share of its pixels is there. */
const MIN_SHARE = 0.5;

export interface DecodedImage {
  /** A copy, at most as large as requested. */
  readonly image: RgbImage;
  /** Size of the whole image as a person sees it. */
  readonly widthPx: number;
  readonly heightPx: number;
}

/** Before the EXIF orientation is applied. */
interface StoredSize {
  readonly width: number;
  readonly height: number;
}

interface Header {
  readonly size: StoredSize;
  /** The ICC profile, or a part of it that has its name. */
  readonly profile: Buffer | null;
}

let largeDecodes: Promise<unknown> = Promise.resolve();

/**
 * Decodes the first frame of an image as 8-bit sRGB, with EXIF orientation applied and transparency on white. The decoder
 * shrinks JPEG and WebP while it loads them. A truncated JPEG is decoded as far as possible.
 *
 * @param sidePx longest side of the copy; `null` for the size that faces are usually cut out of
 * @throws {ImageError} if it has an unknown format, is broken or mostly missing, takes too long, or has more than
 *   `maxPixels`
 */
export async function decodeImage(
  encoded: Buffer,
  maxPixels: number,
  sidePx: number | null = null,
): Promise<DecodedImage> {
  const { format, header } = checkFormat(encoded);
  try {
    // Check the header before any pixel is decoded, and with our own error message.
    const { size, profile } = header ?? (await readHeader(encoded));
    checkPixels(size, format, maxPixels);
    const options = decoderOptions(maxPixels, profile);
    const side = sidePx ?? workingSideOf(format, size);
    const decode = (): Promise<RgbImage> => decodePixels(encoded, format, options, side);
    const image = await (size.width * size.height >= LARGE_PIXELS ? oneByOne(decode) : decode());
    // By its EXIF orientation.
    const isTurned = (image.widthPx - image.heightPx) * (size.width - size.height) < 0;
    const [widthPx, heightPx] = isTurned ? [size.height, size.width] : [size.width, size.height];
    return { image, widthPx, heightPx };
  } catch (error) {
    if (error instanceof ImageError) throw error;
    throw new ImageError(`The image cannot be decoded (${firstLine(messageOf(error))}).`, problemOf(error), {
      cause: error,
    });
  }
}

async function readHeader(encoded: Buffer): Promise<Header> {
  const { width, height, icc = null } = await sharp(encoded, { limitInputPixels: false }).metadata();
  return { size: { width, height }, profile: icc };
}

/**
 * A JPEG is decoded by the largest octave that leaves enough pixels. sharp uses an octave only if it has to shrink the
 * result further, by at least (octave + 1) / octave.
 */
function workingSideOf(format: ImageFormat, { width, height }: StoredSize): number {
  if (format !== 'JPEG') return WORKING_SIDE_PX;
  const sides = JPEG_OCTAVES.map((octave) => Math.floor(Math.max(width, height) / (octave + 1)));
  return Math.min(WORKING_SIDE_PX, sides.find((side) => side >= SMALLEST_SIDE_PX) ?? WORKING_SIDE_PX);
}

/** Also limits memory use: one large image per thread. */
function oneByOne(decode: () => Promise<RgbImage>): Promise<RgbImage> {
  const result = largeDecodes.then(decode);
  largeDecodes = result.catch(() => {});
  return result;
}

async function decodePixels(
  encoded: Buffer,
  format: ImageFormat,
  options: SharpOptions,
  sidePx: number,
): Promise<RgbImage> {
  try {
    return await toRgb(encoded, sidePx, options);
  } catch (error) {
    if (format !== 'JPEG' || !isCutOff(error)) throw error;
    const image = await toRgb(encoded, sidePx, { ...options, failOn: 'none' });
    const share = 1 - greyShareOf(image);
    if (share >= MIN_SHARE) return image;
    throw new ImageError(`Only ${Math.round(100 * share)} % of the image is there.`, 'incomplete', {
      cause: error,
    });
  }
}

/**
 * A conversion from sRGB to sRGB changes nothing, but takes a quarter of the time, because sharp converts before it shrinks.
 */
function decoderOptions(maxPixels: number, profile: Header['profile']): SharpOptions {
  // The name is in ASCII or UTF-16.
  const text = profile?.subarray(0, SEARCHED_PROFILE_BYTES).toString('latin1').replaceAll('\0', '');
  return { limitInputPixels: maxPixels, failOn: 'error', ignoreIcc: text?.includes('sRGB') === true };
}

async function toRgb(encoded: Buffer, sidePx: number, options: SharpOptions): Promise<RgbImage> {
  const { data, info } = await sharp(encoded, options)
    .timeout({ seconds: TIMEOUT_S })
    .autoOrient()
    .resize({ width: sidePx, height: sidePx, fit: 'inside', withoutEnlargement: true })
    .flatten({ background: '#ffffff' })
    .toColourspace('srgb')
    .raw({ depth: 'uchar' })
    .toBuffer({ resolveWithObject: true });
  return { data, widthPx: info.width, heightPx: info.height };
}

/** Matches libjpeg's warning only; other decoders have other messages. */
function isCutOff(error: unknown): boolean {
  return /premature end/i.test(messageOf(error));
}

function problemOf(error: unknown): 'incomplete' | 'too-large' | 'unreadable' {
  if (isCutOff(error)) return 'incomplete';
  return /timeout/i.test(messageOf(error)) ? 'too-large' : 'unreadable';
}

/** Share (0..1) of pixels in the grey with which libjpeg fills the missing part of a truncated image. */
function greyShareOf({ data, widthPx, heightPx }: RgbImage): number {
  let grey = 0;
  for (let i = 0; i < data.length; i += 3) {
    if (isMiddle(data[i]) && isMiddle(data[i + 1]) && isMiddle(data[i + 2])) grey += 1;
  }
  return grey / (widthPx * heightPx);
}

function isMiddle(value = 0): boolean {
  return value >= 127 && value <= 129;
}

/** @returns the format, and the header of a JPEG, for which sharp would need as long as for half of a small image */
function checkFormat(encoded: Buffer): { format: ImageFormat; header: Header | null } {
  const format = recogniseFormat(encoded);
  if (format === null) {
    throw new ImageError(
      `The image has an unknown format; use ${IMAGE_FORMATS.join(', ')}.`,
      'unknown-format',
    );
  }
  if (format === 'TIFF' && countTiffPages(encoded, MAX_TIFF_PAGES + 1) > MAX_TIFF_PAGES) {
    throw new ImageError(`The TIFF has more than ${MAX_TIFF_PAGES} pages.`, 'too-large');
  }
  if (format !== 'JPEG') return { format, header: null };
  const header = readJpegHeader(encoded);
  if (header.scans > MAX_JPEG_SCANS) {
    const sentence = `The JPEG has ${header.scans} scans; at most ${MAX_JPEG_SCANS} are allowed.`;
    throw new ImageError(sentence, 'too-large');
  }
  return { format, header: header.size && { size: header.size, profile: header.profile } };
}

function checkPixels({ width, height }: StoredSize, format: ImageFormat, maxPixels: number): void {
  const bound = format === 'AVIF' ? MAX_AVIF_PIXELS : MAX_UNSHRINKABLE_PIXELS;
  const most = format === 'JPEG' ? maxPixels : Math.min(maxPixels, bound);
  if (width * height <= most) return;
  throw new ImageError(
    `The image has ${width * height} pixels (${width} x ${height}); at most ${most} are allowed` +
      `${most < maxPixels ? ` in ${format}` : ''}.`,
    'too-large',
  );
}

function firstLine(text: string): string {
  return text.trim().split('\n', 1)[0] ?? '';
}
