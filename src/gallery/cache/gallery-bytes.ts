/** Measured size of a photo's and a face's objects, without the matrix. */
export const PHOTO_BYTES = 400;
export const FACE_BYTES = 250;

/** About what the faces of a gallery take in the memory of each worker that searches it. */
export function estimateGalleryBytes(photos: number, faces: number, embeddingSize: number): number {
  return photos * PHOTO_BYTES + faces * (FACE_BYTES + 2 * embeddingSize);
}
