import sharp from 'sharp';
import { ImageError, messageOf } from '../../shared/errors.js';
import { recogniseFormat } from '../../shared/image-format.js';

/** Largest HEIC image: a little more than the 48 megapixels of an iPhone. Decoding takes about 10 bytes per pixel. */
const MAX_HEIC_PIXELS = 50_000_000;

/** The image itself, or a JPEG of it if sharp cannot read its format. @throws {ImageError} */
export async function toReadable(encoded: Buffer, maxPixels: number): Promise<Buffer> {
  return recogniseFormat(encoded) === 'HEIC' ? convertHeic(encoded, maxPixels) : encoded;
}

/**
 * Converts a HEIC image to JPEG, because sharp's prebuilt libvips has no HEVC decoder. libheif, compiled to WebAssembly,
 * decodes it and blocks this thread (docs/engine.md has the times). It is loaded for the first HEIC image.
 *
 * @throws {ImageError} if the image is broken or has too many pixels
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
