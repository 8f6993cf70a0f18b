import { describe, expect, test } from 'vitest';
import { toFixedPoint } from '../../../src/gallery/store/fixed-point.js';
import { decodePhoto, encodePhoto, type FaceRecord } from '../../../src/gallery/store/photo-record.js';

const EMBEDDING_SIZE = 512;

function unitVector(seed: number): Float32Array {
  const vector = Float32Array.from({ length: EMBEDDING_SIZE }, (_, i) => Math.sin(seed * 1000 + i * i));
  const length = Math.hypot(...vector);
  return vector.map((component) => component / length);
}

function face(seed: number): FaceRecord {
  const point = (i: number) => ({ x: 1200 + 10 * i + seed, y: 800 + 7 * i });
  return {
    box: { x: 1100 + seed, y: 700, width: 300, height: 380 },
    landmarks: [point(0), point(1), point(2), point(3), point(4)],
    score: 0.87,
    sharpness: 431,
    embedding: toFixedPoint(unitVector(seed)),
  };
}

const photoOf = (...faces: FaceRecord[]) =>
  ({ kind: 'faces', widthPx: 6000, heightPx: 4000, faces }) as const;

describe('a stored photo', () => {
  test('comes back with its embeddings as they were, and its coordinates to a tenth of a pixel', () => {
    const photo = photoOf(face(1), face(2));
    const decoded = decodePhoto(encodePhoto(photo), EMBEDDING_SIZE);
    if (decoded?.kind !== 'faces') throw new Error('The photo did not come back');
    expect(decoded).toMatchObject({ widthPx: 6000, heightPx: 4000 });
    expect(decoded.faces).toHaveLength(2);
    for (const [i, { box, landmarks, score, sharpness, embedding }] of decoded.faces.entries()) {
      const before = photo.faces[i] as FaceRecord;
      expect(embedding).toEqual(before.embedding);
      for (const key of ['x', 'y', 'width', 'height'] as const)
        expect(box[key]).toBeCloseTo(before.box[key], 0);
      for (const [j, { x, y }] of landmarks.entries()) {
        expect(Math.abs(x - (before.landmarks[j]?.x ?? NaN))).toBeLessThan(0.1);
        expect(Math.abs(y - (before.landmarks[j]?.y ?? NaN))).toBeLessThan(0.1);
      }
      expect(score).toBeCloseTo(0.87, 4);
      expect(sharpness).toBe(431);
    }
  });

  test('takes at most 1.2 KB a face with embeddings of 512 components', () => {
    const empty = encodePhoto(photoOf()).length;
    expect(encodePhoto(photoOf(face(1), face(2))).length - empty).toBe(2 * (32 + 1024));
    expect(encodePhoto(photoOf(face(1))).length).toBeLessThan(1200);
  });

  test('without a face, or that cannot be decoded, has a record too', () => {
    expect(decodePhoto(encodePhoto(photoOf()), EMBEDDING_SIZE)).toEqual(photoOf());
    const broken = { kind: 'broken', message: 'The picture is not a picture – at all.' } as const;
    expect(decodePhoto(encodePhoto(broken), EMBEDDING_SIZE)).toEqual(broken);
  });

  test('is cut off at the edges of the photo', () => {
    const beyond = { ...face(1), box: { x: -20, y: 3900, width: 100, height: 200 } };
    const decoded = decodePhoto(encodePhoto(photoOf(beyond)), EMBEDDING_SIZE);
    expect(decoded?.kind === 'faces' && decoded.faces[0]?.box).toEqual({
      x: 0,
      y: expect.closeTo(3900, 0),
      width: expect.closeTo(80, 0),
      height: expect.closeTo(100, 0),
    });
  });

  test('of another version, of another embedding size, or cut short is nothing', () => {
    const encoded = encodePhoto(photoOf(face(1)));
    expect(decodePhoto(encoded, EMBEDDING_SIZE)).not.toBeNull();
    expect(decodePhoto(encoded, 256)).toBeNull();
    expect(decodePhoto(encoded.subarray(0, -1), EMBEDDING_SIZE)).toBeNull();
    expect(decodePhoto(Buffer.concat([Buffer.of(9), encoded.subarray(1)]), EMBEDDING_SIZE)).toBeNull();
    expect(decodePhoto(Buffer.alloc(0), EMBEDDING_SIZE)).toBeNull();
  });
});
