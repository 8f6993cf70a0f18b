import { describe, expect, it } from 'vitest';
import { readImage } from '../../../src/child/engine/read-image.js';
import { ImageError } from '../../../src/shared/errors.js';

const CONTENT = Buffer.from([1, 2, 3, 4]);

describe('readImage', () => {
  it('reads base64', () => {
    expect(readImage({ kind: 'base64', text: 'data:image/png;base64,AQIDBA==' }, 4)).toEqual(CONTENT);
  });

  it('takes bytes, also a part of a larger buffer', () => {
    expect(readImage({ kind: 'bytes', bytes: Uint8Array.from(CONTENT) }, 4)).toEqual(CONTENT);
    expect(readImage({ kind: 'bytes', bytes: CONTENT.subarray(1, 3) }, 4)).toEqual(Buffer.from([2, 3]));
  });

  it.each([
    ['has a byte more than is allowed', CONTENT, 'The image has 4 bytes; at most 3 are allowed.'],
    ['is empty', Buffer.of(), 'The image is empty.'],
  ])('refuses an image that %s', (_, bytes, sentence) => {
    const read = () => readImage({ kind: 'bytes', bytes }, 3);
    expect(read).toThrow(sentence);
    expect(read).toThrow(ImageError);
  });
});
