import sharp, { type Sharp } from 'sharp';
import { beforeAll, describe, expect, it } from 'vitest';
import { decodeImage, WORKING_SIDE_PX } from '../../../src/child/vision/decode.js';
import type { RgbImage } from '../../../src/child/vision/pixels/rgb-image.js';
import { ImageError } from '../../../src/shared/errors.js';
import { crc32 } from '../../support/crc32.js';

type Colour = readonly [red: number, green: number, blue: number];

const MAX_PIXELS = 1_000_000;
const HALF_PX = 40;
/** From the top left, row by row. Muted, so that print colours hold them. */
const QUARTERS: readonly Colour[] = [
  [190, 80, 70],
  [70, 140, 90],
  [80, 90, 160],
  [225, 220, 200],
];

let quarters: Buffer;
let jpeg: Buffer;
beforeAll(async () => {
  quarters = await draw(QUARTERS);
  jpeg = await sharp(quarters).jpeg().toBuffer();
});

/** A PNG of four squares. */
function draw(colours: readonly Colour[]): Promise<Buffer> {
  const side = 2 * HALF_PX;
  const data = Buffer.alloc(3 * side * side);
  for (let i = 0; i < side * side; i += 1) {
    const quarter = 2 * Number(i >= side * HALF_PX) + Number(i % side >= HALF_PX);
    data.set(colours[quarter] ?? [0, 0, 0], 3 * i);
  }
  return sharp(data, { raw: { width: side, height: side, channels: 3 } })
    .png()
    .toBuffer();
}

const plain = (width: number, height: number, background = '#808080'): Sharp =>
  sharp({ create: { width, height, channels: 3, background } });

function colourOf({ data, widthPx }: RgbImage, x: number, y: number): number[] {
  return [...data.subarray(3 * (y * widthPx + x), 3 * (y * widthPx + x) + 3)];
}

/** The colours of the four squares' middles. */
function quartersOf(image: RgbImage): number[][] {
  const [near, far] = [HALF_PX / 2, (3 * HALF_PX) / 2];
  return [
    colourOf(image, near, near),
    colourOf(image, far, near),
    colourOf(image, near, far),
    colourOf(image, far, far),
  ];
}

function expectColours(image: RgbImage, expected: readonly Colour[], tolerance: number): void {
  const difference = quartersOf(image).flatMap((colour, i) =>
    colour.map((value, channel) => Math.abs(value - (expected[i]?.[channel] ?? Number.NaN))),
  );
  expect(Math.max(...difference)).toBeLessThanOrEqual(tolerance);
}

describe('a decoded image', () => {
  it.each<[string, number, (image: Sharp) => Sharp]>([
    ['JPEG', 3, (image) => image.jpeg({ quality: 90 })],
    ['progressive JPEG', 3, (image) => image.jpeg({ quality: 90, progressive: true })],
    ['JPEG in the colours of print', 20, (image) => image.toColourspace('cmyk').jpeg({ quality: 95 })],
    ['JPEG in Display P3', 3, (image) => image.withIccProfile('p3').jpeg({ quality: 95 })],
    ['JPEG with an sRGB profile', 3, (image) => image.withIccProfile('srgb').jpeg({ quality: 90 })],
    ['PNG', 0, (image) => image.png()],
    ['PNG with an sRGB profile', 0, (image) => image.withIccProfile('srgb').png()],
    ['PNG of 16 bits', 0, (image) => image.toColourspace('rgb16').png()],
    ['PNG with a palette', 0, (image) => image.png({ palette: true })],
    ['PNG with an alpha channel', 0, (image) => image.ensureAlpha().png()],
    ['WebP', 6, (image) => image.webp({ quality: 90 })],
    ['WebP without loss', 0, (image) => image.webp({ lossless: true })],
    ['AVIF', 6, (image) => image.avif({ effort: 1 })],
    ['GIF', 2, (image) => image.gif()],
    ['TIFF', 0, (image) => image.tiff({ compression: 'lzw' })],
    ['TIFF of JPEG tiles', 4, (image) => image.tiff({ compression: 'jpeg', quality: 90, tile: true })],
  ])('has its colours, as they would be on a screen: %s', async (_, tolerance, encode) => {
    const { image } = await decodeImage(await encode(sharp(quarters)).toBuffer(), MAX_PIXELS);
    expect(image.data).toHaveLength(3 * image.widthPx * image.heightPx);
    expectColours(image, QUARTERS, tolerance);
  });

  it.each<[string, (image: Sharp) => Sharp]>([
    ['JPEG', (image) => image.jpeg()],
    ['PNG', (image) => image.png()],
    ['PNG of 16 bits', (image) => image.toColourspace('grey16').png()],
    ['PNG with an alpha channel', (image) => image.ensureAlpha().png()],
  ])('has three equal channels where it is grey: %s', async (_, encode) => {
    const grey = sharp(quarters).toColourspace('b-w');
    const { image } = await decodeImage(await encode(grey).toBuffer(), MAX_PIXELS);
    expect(image.data).toHaveLength(3 * image.widthPx * image.heightPx);
    const lumas = quartersOf(image).map(([red, green, blue]) => {
      expect([green, blue]).toEqual([red, red]);
      return red;
    });
    expect(new Set(lumas).size).toBe(4);
  });

  it.each([
    ['jpeg', 2400, 1200, [960, 1920]],
    ['jpeg', 80, 60, [60, 80]],
    ['jpeg', 60, 80, [80, 60]],
    ['jpeg', 80, 80, [80, 80]],
    ['png', 2400, 1200, [960, 1920]],
  ] as const)(
    'has the size that a person sees: %s, %i x %i, held sideways',
    async (format, width, height, copy) => {
      const encoded = await plain(width, height).toFormat(format).withMetadata({ orientation: 6 }).toBuffer();
      const { image, widthPx, heightPx } = await decodeImage(encoded, 10_000_000);
      expect([widthPx, heightPx]).toEqual([height, width]);
      expect([image.widthPx, image.heightPx]).toEqual(copy);
    },
  );

  it('has a white background where it is transparent', async () => {
    const encoded = await sharp(quarters).ensureAlpha(0.5).png().toBuffer();
    const { image } = await decodeImage(encoded, MAX_PIXELS);
    const half = QUARTERS.map(([r, g, b]): Colour => [(r + 255) / 2, (g + 255) / 2, (b + 255) / 2]);
    expectColours(image, half, 1);
  });

  it.each(['gif', 'webp'] as const)('is the first frame of an animated %s', async (format) => {
    const others = await draw(QUARTERS.toReversed());
    const animated = sharp([quarters, others], { join: { animated: true } });
    const encoded = await animated.toFormat(format, { lossless: true }).toBuffer();
    expect((await sharp(encoded).metadata()).pages).toBe(2);
    const decoded = await decodeImage(encoded, MAX_PIXELS);
    expect([decoded.widthPx, decoded.heightPx]).toEqual([2 * HALF_PX, 2 * HALF_PX]);
    expectColours(decoded.image, QUARTERS, 2);
  });

  it.each([
    ['jpeg', 2400, 1200, 1920, 960],
    ['png', 3000, 1500, 1920, 960],
    ['png', 150, 3000, 96, 1920],
    ['jpeg', 1920, 1920, 1920, 1920],
    ['png', 1920, 1920, 1920, 1920],
    ['jpeg', 1, 1, 1, 1],
    ['png', 1, 1, 1, 1],
    ['jpeg', 50_000, 1, 1920, 1],
    ['png', 1, 50_000, 1, 1920],
    // By the half, and by a quarter.
    ['jpeg', 3000, 1500, 1000, 500],
    ['jpeg', 150, 3000, 50, 1000],
    ['jpeg', 6000, 1000, 1200, 200],
  ] as const)(
    'a %s of %i x %i pixels is worked on at %i x %i, and its whole size is known',
    async (format, width, height, workingWidth, workingHeight) => {
      const encoded = await plain(width, height).toFormat(format).toBuffer();
      const { image, widthPx, heightPx } = await decodeImage(encoded, 10_000_000);
      expect([widthPx, heightPx]).toEqual([width, height]);
      expect([image.widthPx, image.heightPx]).toEqual([workingWidth, workingHeight]);
      expect(Math.max(image.widthPx, image.heightPx)).toBeLessThanOrEqual(WORKING_SIDE_PX);
      expect(colourOf(image, 0, 0)).toEqual([128, 128, 128]);
    },
  );

  it.each(['png', 'jpeg'] as const)('has at most the allowed number of pixels: %s', async (format) => {
    const encoded = await plain(30, 20).toFormat(format).toBuffer();
    expect((await decodeImage(encoded, 600)).widthPx).toBe(30);
    await expect(decodeImage(encoded, 599)).rejects.toThrow(
      new ImageError('The image has 600 pixels (30 x 20); at most 599 are allowed.', 'too-large'),
    );
  });
});

/** A PNG that is nothing but the header of an enormous one: had it been decoded, that would be told instead. */
function bombHeader(): Buffer {
  const header = Buffer.alloc(17);
  header.write('IHDR', 'latin1');
  header.writeUInt32BE(60_000, 4);
  header.writeUInt32BE(60_000, 8);
  header.set([8, 2, 0, 0, 0], 12);
  const chunk = Buffer.alloc(25);
  chunk.writeUInt32BE(13);
  header.copy(chunk, 4);
  chunk.writeUInt32BE(crc32(header), 21);
  const end = Buffer.from('\0\0\0\0IDAT\x35\xaf\x06\x1e\0\0\0\0IEND\xae\x42\x60\x82', 'latin1');
  return Buffer.concat([Buffer.from('\x89PNG\r\n\x1a\n', 'latin1'), chunk, end]);
}

describe('an ImageError that says why is thrown for', () => {
  const SVG =
    '<svg xmlns="http://www.w3.org/2000/svg" width="9" height="9"><rect width="9" height="9"/></svg>';
  const UNKNOWN = 'The image has an unknown format; use JPEG, PNG, WebP, AVIF, HEIC, GIF, TIFF.';
  const BROKEN = 'The image cannot be decoded (';

  it.each<[string, () => Buffer, string]>([
    ['a JPEG of its first bytes alone', () => jpeg.subarray(0, 20), BROKEN],
    ['a PNG without its second half', () => quarters.subarray(0, quarters.length / 2), BROKEN],
    ['an enormous PNG', bombHeader, '3600000000 pixels (60000 x 60000); at most 1000000 are allowed.'],
    ['nothing', () => Buffer.alloc(0), UNKNOWN],
    ['a text', () => Buffer.from('I am no image at all, but long enough to be one.'), UNKNOWN],
    ['SVG', () => Buffer.from(SVG), UNKNOWN],
    ['SVG behind a byte order mark', () => Buffer.from(`\uFEFF${SVG}`), UNKNOWN],
    ['SVG behind white space', () => Buffer.from(`\n\t ${SVG}`), UNKNOWN],
    ['SVG behind an XML declaration', () => Buffer.from(`<?xml version="1.0"?>${SVG}`), UNKNOWN],
    ['PDF', () => Buffer.from('%PDF-1.7\n%âãÏÓ\n1 0 obj'), UNKNOWN],
  ])('%s', async (_, encoded, sentence) => {
    const refusal = decodeImage(encoded(), MAX_PIXELS);
    await expect(refusal).rejects.toBeInstanceOf(ImageError);
    await expect(refusal).rejects.toThrow(sentence);
  });

  it.each(['webp', 'avif', 'gif', 'tiff'] as const)('%s without its second half', async (format) => {
    const encoded = await sharp(quarters).toFormat(format).toBuffer();
    const refusal = decodeImage(encoded.subarray(0, encoded.length / 2), MAX_PIXELS);
    await expect(refusal).rejects.toBeInstanceOf(ImageError);
    await expect(refusal).rejects.toThrow(BROKEN);
  });
});

describe('a JPEG without its end', () => {
  it.each<[string, number]>([
    ['its end marker', 2],
    ['its last bytes', 8],
  ])('is read as far as it goes: without %s', async (_, bytes) => {
    const { image } = await decodeImage(jpeg.subarray(0, -bytes), MAX_PIXELS);
    expectColours(image, QUARTERS, 6);
  });

  it('is rejected if most of it is missing, with the share that is there', async () => {
    const noise = sharp({
      create: {
        width: 400,
        height: 300,
        channels: 3,
        background: '#888',
        noise: { type: 'gaussian', mean: 128, sigma: 30 },
      },
    });
    const encoded = await noise.jpeg().toBuffer();
    await expect(decodeImage(encoded.subarray(0, 0.7 * encoded.length), MAX_PIXELS)).resolves.toBeDefined();
    await expect(decodeImage(encoded.subarray(0, 0.3 * encoded.length), MAX_PIXELS)).rejects.toMatchObject({
      message: expect.stringMatching(/^Only (29|3\d) % of the image is there/),
      problem: 'incomplete',
    });
  });
});

describe('an image that takes long to decode', () => {
  it('is rejected for its number of scans before it is decoded', async () => {
    const progressive = await sharp(quarters).jpeg({ progressive: true }).toBuffer();
    const start = progressive.lastIndexOf(Buffer.of(0xff, 0xda));
    const scan = progressive.subarray(start, -2);
    const bomb = Buffer.concat([progressive.subarray(0, -2), ...Array.from({ length: 100 }, () => scan)]);
    await expect(decodeImage(progressive, MAX_PIXELS)).resolves.toBeDefined();
    await expect(decodeImage(bomb, MAX_PIXELS)).rejects.toMatchObject({
      message: expect.stringMatching(/^The JPEG has 1\d\d scans; at most 64 are allowed/),
    });
  });

  it('is rejected for its number of pages before it is decoded', async () => {
    const tiff = await sharp(quarters).tiff({ compression: 'none' }).toBuffer();
    const first = tiff.readUInt32LE(4);
    const page = tiff.subarray(first, first + 2 + 12 * tiff.readUInt16LE(first) + 4);
    const withPages = (pages: number): Buffer => {
      const encoded = Buffer.concat([tiff, ...Array.from({ length: pages - 1 }, () => page)]);
      // The last four bytes of a page are the offset of the next one.
      for (let i = 0; i < pages; i += 1) {
        const start = i === 0 ? first : tiff.length + (i - 1) * page.length;
        const next = i === pages - 1 ? 0 : tiff.length + i * page.length;
        encoded.writeUInt32LE(next, start + page.length - 4);
      }
      return encoded;
    };
    await expect(decodeImage(tiff, MAX_PIXELS)).resolves.toBeDefined();
    await expect(decodeImage(withPages(1000), MAX_PIXELS)).resolves.toBeDefined();
    await expect(decodeImage(withPages(1001), MAX_PIXELS)).rejects.toMatchObject({
      message: 'The TIFF has more than 1000 pages.',
      problem: 'too-large',
    });
  });

  it('has a lower pixel limit than a JPEG, which the decoder shrinks while it loads it', async () => {
    const large = sharp({ create: { width: 8000, height: 6500, channels: 3, background: '#888' } });
    const encoded = await large.png({ compressionLevel: 1 }).toBuffer();
    await expect(decodeImage(encoded, 100_000_000)).rejects.toMatchObject({
      message: 'The image has 52000000 pixels (8000 x 6500); at most 50000000 are allowed in PNG.',
      problem: 'too-large',
    });
  });
});
