/** Where a face is. Coordinates are pixels of the image as a person sees it (EXIF orientation applied). */
export interface Box {
  readonly x: number;
  readonly y: number;
  readonly width: number;
  readonly height: number;
}

export interface Point {
  readonly x: number;
  readonly y: number;
}

export type Landmarks = readonly [Point, Point, Point, Point, Point];

/** Side of the aligned crop that every embedder takes. */
export const ALIGNED_SIZE_PX = 112;
