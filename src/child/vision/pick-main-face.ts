import type { Box } from '../../shared/face.js';

/**
 * The large face near the middle: the person who took the selfie. `null` if there is no face.
 *
 * Area minus twice the squared distance of the centres, as in facenet's `align_dataset_mtcnn.py`
 * (https://github.com/davidsandberg/facenet, "some extra weight on the centering").
 */
export function pickMainFace<F extends { readonly box: Box }>(
  faces: readonly F[],
  { widthPx, heightPx }: { readonly widthPx: number; readonly heightPx: number },
): F | null {
  const weight = ({ box }: F): number => {
    const offsetX = box.x + box.width / 2 - widthPx / 2;
    const offsetY = box.y + box.height / 2 - heightPx / 2;
    return box.width * box.height - 2 * (offsetX ** 2 + offsetY ** 2);
  };
  return faces.reduce<F | null>(
    (best, face) => (best === null || weight(face) > weight(best) ? face : best),
    null,
  );
}
