import type { Similarity } from './align.js';
import { longerSide, type RgbImage } from './pixels.js';

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

/** Each pixel is the mean of four. */
function halve({ data: source, widthPx, heightPx }: RgbImage): RgbImage {
  const halfWidthPx = Math.floor(widthPx / 2);
  const halfHeightPx = Math.floor(heightPx / 2);
  const data = new Uint8Array(3 * halfWidthPx * halfHeightPx);
  const stride = 3 * widthPx;
  // One statement per channel: a loop over the channels takes twice as long.
  let target = 0;
  for (let y = 0; y < halfHeightPx; y += 1) {
    let a = 2 * y * stride;
    let b = a + stride;
    for (let x = 0; x < halfWidthPx; x += 1, target += 3, a += 6, b += 6) {
      data[target] =
        ((source[a] as number) +
          (source[a + 3] as number) +
          (source[b] as number) +
          (source[b + 3] as number) +
          2) >>
        2;
      data[target + 1] =
        ((source[a + 1] as number) +
          (source[a + 4] as number) +
          (source[b + 1] as number) +
          (source[b + 4] as number) +
          2) >>
        2;
      data[target + 2] =
        ((source[a + 2] as number) +
          (source[a + 5] as number) +
          (source[b + 2] as number) +
          (source[b + 5] as number) +
          2) >>
        2;
    }
  }
  return { data, widthPx: halfWidthPx, heightPx: halfHeightPx };
}
