import type { Face, AnalyzedImage } from '../engine/engine.js';

/**
 * Who took the selfie: the face that is large and near the middle. `null` where there is none.
 *
 * Area minus twice the squared distance of the centres, as in facenet's `align_dataset_mtcnn.py`
 * (https://github.com/davidsandberg/facenet, "some extra weight on the centering").
 */
export function pickSelfieFace({ faces, widthPx, heightPx }: AnalyzedImage): Face | null {
  const weight = ({ box }: Face): number => {
    const offsetX = box.x + box.width / 2 - widthPx / 2;
    const offsetY = box.y + box.height / 2 - heightPx / 2;
    return box.width * box.height - 2 * (offsetX ** 2 + offsetY ** 2);
  };
  return faces.reduce<Face | null>(
    (best, face) => (best === null || weight(face) > weight(best) ? face : best),
    null,
  );
}
