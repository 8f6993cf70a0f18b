import type { Box, Landmarks, Point } from '../../shared/face.js';

/** A photo's faces. They depend on nothing but the photo's content and the model pack. */
export type PhotoRecord =
  | {
      readonly kind: 'faces';
      readonly widthPx: number;
      readonly heightPx: number;
      readonly faces: readonly FaceRecord[];
      /** The photo has more faces. They were deleted, or their owners have opted out. */
      readonly withheld?: boolean;
    }
  /** The photo cannot be decoded; `message` is for a person. */
  | { readonly kind: 'broken'; readonly message: string };

export interface FaceRecord {
  /** Pixels of the upright photo, clipped to its edges. */
  readonly box: Box;
  readonly landmarks: Landmarks;
  /** Detection score, 0..1. */
  readonly score: number;
  /** See `src/child/vision/crop-quality.ts`; 0..65535. */
  readonly sharpness: number;
  /** L2-normalised fixed point: int16 [embeddingSize], each component times `EMBEDDING_SCALE`. */
  readonly embedding: Int16Array;
}

/*
 * Little-endian. Version (1 byte), kind (1). A broken photo goes on with its message in UTF-8, any other with the number
 * of faces (2), width (4), height (4), and for each face 32 bytes and its embedding. Coordinates are 65,535ths of the
 * photo's width and height. Embeddings begin at even offsets.
 */
const VERSION = 1;
const KIND_FACES = 0;
const KIND_BROKEN = 1;
const KIND_WITHHELD = 2;
const HEADER_BYTES = 12;
const FACE_BYTES = 32;
const UNIT = 65_535;

export function encodePhoto(photo: PhotoRecord): Buffer {
  if (photo.kind === 'broken') {
    return Buffer.concat([Buffer.of(VERSION, KIND_BROKEN), Buffer.from(photo.message, 'utf8')]);
  }
  const { widthPx, heightPx, faces, withheld = false } = photo;
  const embeddingBytes = 2 * (faces[0]?.embedding.length ?? 0);
  const buffer = Buffer.alloc(HEADER_BYTES + faces.length * (FACE_BYTES + embeddingBytes));
  buffer.writeUInt8(VERSION, 0);
  buffer.writeUInt8(withheld ? KIND_WITHHELD : KIND_FACES, 1);
  buffer.writeUInt16LE(faces.length, 2);
  buffer.writeUInt32LE(widthPx, 4);
  buffer.writeUInt32LE(heightPx, 8);
  let at = HEADER_BYTES;
  const write = (share: number): void => {
    at = buffer.writeUInt16LE(Math.round(UNIT * Math.min(1, Math.max(0, share))), at);
  };
  for (const { box, landmarks, score, sharpness, embedding } of faces) {
    const corners = [box, { x: box.x + box.width, y: box.y + box.height }];
    for (const { x, y } of [...corners, ...landmarks]) {
      write(x / widthPx);
      write(y / heightPx);
    }
    write(score);
    write(sharpness / UNIT);
    for (const component of embedding) at = buffer.writeInt16LE(component, at);
  }
  return buffer;
}

/** The start of a record that tells what it is. */
export const PHOTO_HEAD_BYTES = HEADER_BYTES;

/** @returns the number of faces, `broken`, or `null` as `decodePhoto` */
export function readPhotoHead(head: Buffer): number | 'broken' | null {
  if (head.length < 2 || head.readUInt8(0) !== VERSION) return null;
  if (head.readUInt8(1) === KIND_BROKEN) return 'broken';
  return head.length < HEADER_BYTES ? null : head.readUInt16LE(2);
}

/** @returns `null` for a record of another version of this software, or of another program */
export function decodePhoto(buffer: Buffer, embeddingSize: number): PhotoRecord | null {
  if (buffer.length < 2 || buffer.readUInt8(0) !== VERSION) return null;
  const kind = buffer.readUInt8(1);
  if (kind === KIND_BROKEN) return { kind: 'broken', message: buffer.toString('utf8', 2) };
  if (buffer.length < HEADER_BYTES) return null;
  const count = buffer.readUInt16LE(2);
  const stride = FACE_BYTES + 2 * embeddingSize;
  if (buffer.length !== HEADER_BYTES + count * stride) return null;
  const size = { widthPx: buffer.readUInt32LE(4), heightPx: buffer.readUInt32LE(8) };
  const faces = Array.from({ length: count }, (_, i) =>
    decodeFace(buffer, HEADER_BYTES + i * stride, size, embeddingSize),
  );
  return { kind: 'faces', ...size, faces, ...(kind === KIND_WITHHELD && { withheld: true }) };
}

function decodeFace(
  buffer: Buffer,
  start: number,
  { widthPx, heightPx }: { readonly widthPx: number; readonly heightPx: number },
  embeddingSize: number,
): FaceRecord {
  const share = (index: number): number => buffer.readUInt16LE(start + 2 * index) / UNIT;
  const point = (index: number): Point => ({
    x: share(2 * index) * widthPx,
    y: share(2 * index + 1) * heightPx,
  });
  const [corner, opposite] = [point(0), point(1)];
  // Every platform that onnxruntime-node supports is little-endian.
  const embedding = new Int16Array(embeddingSize);
  buffer.copy(new Uint8Array(embedding.buffer), 0, start + FACE_BYTES);
  return {
    box: { ...corner, width: opposite.x - corner.x, height: opposite.y - corner.y },
    landmarks: [point(2), point(3), point(4), point(5), point(6)],
    score: share(14),
    sharpness: Math.round(share(15) * UNIT),
    embedding,
  };
}
