import type { DetectorModel } from '../../shared/model-pack.js';
import { type DetectedFace, detectFaces, moveFace, type RunDetector } from './detect.js';
import type { RgbImage } from './pixels/rgb-image.js';

/** Longest side of a tile. */
export const TILE_SIDE_PX = 960;
/** A face up to this size lies completely in at least one tile. */
export const TILE_OVERLAP_PX = 160;
/** Tiles per run: as much memory as an image of 1,920 x 1,920 pixels. */
const BATCH_SIZE = 4;
/** A face nearer to the cut edge of its tile may be incomplete. */
const CUT_MARGIN_PX = 2;

/** Part of an image, in pixels of the image. */
export interface Tile {
  readonly x: number;
  readonly y: number;
  readonly widthPx: number;
  readonly heightPx: number;
}

interface Size {
  readonly widthPx: number;
  readonly heightPx: number;
}

/** Tiles of one size that cover an image, overlapping by at least `TILE_OVERLAP_PX`, row by row. */
export function planTiles({ widthPx, heightPx }: Size): Tile[] {
  const size = { widthPx: Math.min(TILE_SIDE_PX, widthPx), heightPx: Math.min(TILE_SIDE_PX, heightPx) };
  const columns = startsAlong(widthPx);
  return startsAlong(heightPx).flatMap((y) => columns.map((x) => ({ x, y, ...size })));
}

function startsAlong(lengthPx: number): number[] {
  if (lengthPx <= TILE_SIDE_PX) return [0];
  const gaps = Math.ceil((lengthPx - TILE_SIDE_PX) / (TILE_SIDE_PX - TILE_OVERLAP_PX));
  return Array.from({ length: gaps + 1 }, (_, i) => Math.round((i * (lengthPx - TILE_SIDE_PX)) / gaps));
}

/**
 * Finds small faces: searches an image tile by tile at full size. It may miss faces larger than `TILE_OVERLAP_PX`, and
 * finds a face in two tiles twice.
 *
 * @returns faces in pixels of the image, in no order
 */
export async function detectInTiles(
  image: RgbImage,
  model: DetectorModel,
  run: RunDetector,
): Promise<DetectedFace[]> {
  const tiles = planTiles(image);
  const found: DetectedFace[] = [];
  for (let start = 0; start < tiles.length; start += BATCH_SIZE) {
    const batch = tiles.slice(start, start + BATCH_SIZE);
    const detections = await detectFaces(
      batch.map((tile) => cutTile(image, tile)),
      model,
      run,
    );
    for (const [i, tile] of batch.entries()) {
      const faces = (detections[i] ?? []).map((face) => moveFace(face, tile));
      found.push(...faces.filter((face) => !isCut(face, tile, image)));
    }
  }
  return found;
}

function cutTile({ data, widthPx: imageWidthPx }: RgbImage, { x, y, widthPx, heightPx }: Tile): RgbImage {
  const cut = new Uint8Array(3 * widthPx * heightPx);
  for (let row = 0; row < heightPx; row += 1) {
    const start = 3 * ((y + row) * imageWidthPx + x);
    cut.set(data.subarray(start, start + 3 * widthPx), 3 * row * widthPx);
  }
  return { data: cut, widthPx, heightPx };
}

/** Whether the face reaches an edge of its tile that is not an edge of the image. */
function isCut({ box }: DetectedFace, tile: Tile, image: Size): boolean {
  const [right, bottom] = [tile.x + tile.widthPx, tile.y + tile.heightPx];
  return (
    (tile.x > 0 && box.x < tile.x + CUT_MARGIN_PX) ||
    (tile.y > 0 && box.y < tile.y + CUT_MARGIN_PX) ||
    (right < image.widthPx && box.x + box.width > right - CUT_MARGIN_PX) ||
    (bottom < image.heightPx && box.y + box.height > bottom - CUT_MARGIN_PX)
  );
}
