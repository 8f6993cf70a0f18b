import sharp from 'sharp';
import { ImageError, messageOf } from '../../shared/errors.js';
import { recogniseFormat } from '../../shared/image-format.js';

/** Largest HEIC image: a little more than the 48 megapixels of an iPhone. Each pixel takes about 10 bytes meanwhile. */
const MAX_HEIC_PIXELS = 50_000_000;

/** The image itself, or a JPEG of it if it is in a format that sharp does not read. @throws {ImageError} */
export async function toReadable(encoded: Buffer, maxPixels: number): Promise<Buffer> {
  return recogniseFormat(encoded) === 'HEIC' ? convertHeic(encoded, maxPixels) : encoded;
}

/**
 * Turns a HEIC image into a JPEG that sharp can read: its prebuilt libvips has no HEVC decoder. libheif, built to
 * WebAssembly, does the work and blocks this thread meanwhile (docs/engine.md has the time). It is loaded only for the
 * first HEIC image.
 *
 * @throws {ImageError} the image is broken or has too many pixels
 */
async function convertHeic(encoded: Buffer, maxPixels: number): Promise<Buffer> {
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
      return await sharp(data, { raw: { width, height, channels: 4 } })
        .flatten({ background: '#ffffff' })
        .jpeg({ quality: 95, chromaSubsampling: '4:4:4' })
        .toBuffer();
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
