import { ImageError, messageOf } from '../../shared/errors.js';

/** Largest HEIC image: a little more than the 48 megapixels of an iPhone. Decoding takes about 10 bytes per pixel. */
const MAX_HEIC_PIXELS = 50_000_000;

export interface HeicPixels {
  /** RGBA, in rows from the top left corner. */
  readonly data: Uint8ClampedArray;
  readonly widthPx: number;
  readonly heightPx: number;
}

/**
 * Decodes a HEIC image with libheif, compiled to WebAssembly, because sharp's prebuilt libvips has no HEVC decoder. It
 * blocks its thread (docs/engine.md has the times).
 *
 * @throws {ImageError} if the image is broken or has too many pixels
 */
export async function decodeHeic(encoded: Uint8Array, maxPixels: number): Promise<HeicPixels> {
  try {
    const { default: heicDecode } = await import('heic-decode');
    const images = await heicDecode.all({ buffer: encoded });
    try {
      const [image] = images;
      if (image === undefined) throw new ImageError('The HEIC file has no image.');
      const { width, height } = image;
      const most = Math.min(maxPixels, MAX_HEIC_PIXELS);
      if (width * height > most) {
        throw new ImageError(
          `The image has ${width * height} pixels (${width} x ${height}); at most ${most} are allowed in HEIC.`,
          'too-large',
        );
      }
      const { data } = await image.decode();
      return { data, widthPx: width, heightPx: height };
    } finally {
      images.dispose();
    }
  } catch (error) {
    if (error instanceof ImageError) throw error;
    throw new ImageError(`The HEIC image cannot be decoded (${messageOf(error)}).`, 'unreadable', {
      cause: error,
    });
  }
}
