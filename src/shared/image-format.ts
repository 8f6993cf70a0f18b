/** Formats that the worker decodes. */
export const IMAGE_FORMATS = ['JPEG', 'PNG', 'WebP', 'AVIF', 'HEIC', 'GIF', 'TIFF'] as const;
export type ImageFormat = (typeof IMAGE_FORMATS)[number];

/** First bytes as Latin-1 text; JPEG: SOI and the next marker, TIFF: byte order and 42. */
const SIGNATURES: readonly (readonly [RegExp, ImageFormat])[] = [
  [/^\xff\xd8\xff/, 'JPEG'],
  [/^\x89PNG\r\n/, 'PNG'],
  [/^RIFF[^]{4}WEBP/, 'WebP'],
  [/^GIF8[79]a/, 'GIF'],
  [/^(?:II\*\0|MM\0\*)/, 'TIFF'],
];

/** Brands of ISO base media files (ISO/IEC 23008-12, AVIF 1.1): AV1 and HEVC. */
const AVIF_BRAND = /^(?:avif|avis)$/;
const HEIF_BRAND = /^(?:hei[cxms]|hev[cxms]|mif1|msf1)$/;

/**
 * Recognises a format by its first bytes, so that decoders only ever get photos: libvips also renders SVG and PDF, which
 * can read other files.
 *
 * @returns `null` for everything else
 */
export function recogniseFormat(encoded: Buffer): ImageFormat | null {
  const head = encoded.toString('latin1', 0, 16);
  const known = SIGNATURES.find(([signature]) => signature.test(head));
  if (known !== undefined) return known[1];
  const brands = readBrands(encoded);
  if (brands.some((brand) => AVIF_BRAND.test(brand))) return 'AVIF';
  return brands.some((brand) => HEIF_BRAND.test(brand)) ? 'HEIC' : null;
}

/** The `ftyp` box: size, "ftyp", major brand, version, compatible brands; four bytes each. */
function readBrands(encoded: Buffer): string[] {
  if (encoded.length < 16 || encoded.toString('latin1', 4, 8) !== 'ftyp') return [];
  const end = Math.min(encoded.readUInt32BE(0), encoded.length, 256);
  const brands = [encoded.toString('latin1', 8, 12)];
  for (let at = 16; at + 4 <= end; at += 4) brands.push(encoded.toString('latin1', at, at + 4));
  return brands;
}
