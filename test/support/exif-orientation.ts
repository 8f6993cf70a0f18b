import sharp from 'sharp';

/**
 * Which sides of the picture, as a person sees it, the first stored row and the first stored column are
 * (Exif 2.32, tag 0x0112).
 */
const FIRST_ROW_AND_COLUMN = {
  1: ['top', 'left'],
  2: ['top', 'right'],
  3: ['bottom', 'right'],
  4: ['bottom', 'left'],
  5: ['left', 'top'],
  6: ['right', 'top'],
  7: ['right', 'bottom'],
  8: ['left', 'bottom'],
} as const;

export type Orientation = keyof typeof FIRST_ROW_AND_COLUMN;

/** A JPEG whose pixels are stored as a camera held that way does, and whose EXIF says so. */
export async function storeTurned(picture: Buffer, orientation: Orientation): Promise<Buffer> {
  const { data, info } = await sharp(picture)
    .flatten({ background: 'white' })
    .toColourspace('srgb')
    .raw()
    .toBuffer({ resolveWithObject: true });
  const [rowSide, columnSide] = FIRST_ROW_AND_COLUMN[orientation];
  const isTurned = rowSide === 'left' || rowSide === 'right';
  const [width, height] = isTurned ? [info.height, info.width] : [info.width, info.height];
  const mirrorsRows = rowSide === 'bottom' || rowSide === 'right';
  const mirrorsColumns = columnSide === 'bottom' || columnSide === 'right';
  const stored = Buffer.alloc(data.length);
  for (let i = 0; i < width * height; i += 1) {
    const column = i % width;
    const row = Math.floor(i / width);
    const alongRows = mirrorsRows ? height - 1 - row : row;
    const alongColumns = mirrorsColumns ? width - 1 - column : column;
    const [x, y] = isTurned ? [alongRows, alongColumns] : [alongColumns, alongRows];
    data.copy(stored, 3 * i, 3 * (y * info.width + x), 3 * (y * info.width + x) + 3);
  }
  return sharp(stored, { raw: { width, height, channels: 3 } })
    .withMetadata({ orientation })
    .jpeg({ quality: 90 })
    .toBuffer();
}
