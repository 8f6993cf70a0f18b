import { longerSide, type RgbImage } from './rgb-image.js';
import { halve } from './resample.js';

/** Turns, scales and moves: (x, y) becomes (a x - b y + tx, b x + a y + ty). */
export interface Similarity {
  readonly a: number;
  readonly b: number;
  readonly tx: number;
  readonly ty: number;
}

/** Smaller and smaller copies of an image, to cut faces out of. */
export interface Copies {
  /**
   * The smallest copy with at least one pixel for each pixel of a cutout: it needs the fewest samples, and its pixels
   * are averaged already.
   *
   * @param similarity from the cutout to the image
   * @returns the similarity from the cutout to the copy
   */
  best(similarity: Similarity): { readonly copy: RgbImage; readonly toCopy: Similarity };
}

/** Halves of halves are made when they are needed. @param small a copy of the image, or the image itself */
export function createCopies(image: RgbImage, small: RgbImage = image): Copies {
  const copies = [{ copy: image, factor: 1 }];
  if (small !== image) copies.push({ copy: small, factor: longerSide(small) / longerSide(image) });

  return {
    best: (similarity) => {
      const scale = Math.hypot(similarity.a, similarity.b);
      let last = copies.at(-1) as (typeof copies)[number];
      while ((scale * last.factor) / 2 >= 1 && Math.min(last.copy.widthPx, last.copy.heightPx) >= 2) {
        last = { copy: halve(last.copy), factor: last.factor / 2 };
        copies.push(last);
      }
      const found = copies.findLast(({ factor }) => scale * factor >= 1) ?? { copy: image, factor: 1 };
      return { copy: found.copy, toCopy: scaleTo(similarity, found.factor) };
    },
  };
}

/** Coordinates are those of the middles of pixels, so a corner of the image is at -0.5. */
function scaleTo({ a, b, tx, ty }: Similarity, factor: number): Similarity {
  const shift = (factor - 1) / 2;
  return { a: a * factor, b: b * factor, tx: tx * factor + shift, ty: ty * factor + shift };
}
