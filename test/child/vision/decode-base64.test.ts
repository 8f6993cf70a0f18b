import { randomBytes } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { decodeBase64 } from '../../../src/child/vision/decode-base64.js';
import { ImageError } from '../../../src/shared/errors.js';

const NO_LIMIT = Infinity;
/** `+/+/+w==`: both digits that the url-safe alphabet replaces, and two signs of padding. */
const BYTES = Buffer.from([0xfb, 0xff, 0xbf, 0xfb]);

const refusalOf = (text: string, maxBytes = NO_LIMIT): unknown => {
  try {
    return decodeBase64(text, maxBytes);
  } catch (error) {
    return error;
  }
};

describe('an image in base64', () => {
  it.each([
    ['bare, padded', '+/+/+w=='],
    ['bare, without padding', '+/+/+w'],
    ['with line breaks and tabs', '\n+/+\r\n/\t+w==\n'],
    ['with white space inside the padding', '+/+/+w = ='],
    ['as a data URL', 'data:image/jpeg;base64,+/+/+w=='],
    ['as a data URL without padding', 'data:image/jpeg;base64,+/+/+w'],
    ['as a data URL with parameters', 'data:image/jpeg;charset=utf-8;name=a%20b.jpg;base64,+/+/+w=='],
    ['as a data URL in upper case', 'DATA:IMAGE/PNG;BASE64,+/+/+w=='],
    ['as a data URL of a type with other signs', 'data:image/vnd.x-y+z;base64,+/+/+w=='],
    ['as a data URL with white space inside', ' data: image/jpeg ;\nbase64 , +/+/ +w== '],
  ])('is decoded %s', (_, text) => {
    expect(decodeBase64(text, NO_LIMIT)).toEqual(BYTES);
  });

  it('of any length from 1 to 64 bytes is decoded', () => {
    for (let length = 1; length <= 64; length += 1) {
      const bytes = randomBytes(length);
      const text = bytes.toString('base64');
      expect(decodeBase64(text, length)).toEqual(bytes);
      expect(decodeBase64(text.replace(/=+$/, ''), length)).toEqual(bytes);
      expect(decodeBase64(`data:image/png;base64,${text}`, length)).toEqual(bytes);
    }
  });

  it.each([
    ['is in the url-safe alphabet (-)', '-+8=', 'not valid base64'],
    ['is in the url-safe alphabet (_)', '_+8=', 'not valid base64'],
    ['has a foreign sign', '/+8*AAAA', 'not valid base64'],
    ['has a letter of another script', '/+8é', 'not valid base64'],
    ['has one digit too many', 'AAAAA', 'not valid base64'],
    ['has one digit too many in a data URL', 'data:image/png;base64,AAAAA', 'not valid base64'],
    ['lacks a sign of its padding', 'AA=', 'not valid base64'],
    ['has a sign of padding too many', 'AAA==', 'not valid base64'],
    ['has padding after whole groups', 'AAAA=', 'not valid base64'],
    ['has two signs of padding after whole groups', 'AAAA==', 'not valid base64'],
    ['has three signs of padding', 'A===', 'not valid base64'],
    ['has four signs of padding', 'AAAA====', 'not valid base64'],
    ['has padding in its middle', 'AA==AAAA', 'not valid base64'],
    ['is a data URL behind digits', 'AAAAdata:image/png;base64,AAAA', 'not valid base64'],
    ['is empty', '', 'is empty'],
    ['is white space', ' \r\n\t', 'is empty'],
    ['is padding alone', '==', 'is empty'],
    ['is a header alone', 'data:image/jpeg;base64,', 'is empty'],
    ['is a header with padding alone', 'data:image/jpeg;base64,==', 'is empty'],
    ['is a data URL without base64', 'data:image/png,AAAA', 'does not start like'],
    ['is a data URL that names base64 not last', 'data:image/png;base64;x=y,AAAA', 'does not start like'],
    ['is a data URL of a text', 'data:text/plain;base64,AAAA', 'does not start like'],
    ['is a data URL without a type', 'data:;base64,AAAA', 'does not start like'],
    ['is a data URL without a comma', 'data:image/png;base64AAAA', 'does not start like'],
    ['is a data URL with an endless header', `data:image/png;x=${'y'.repeat(300)};base64,AAAA`, 'start like'],
  ])('is refused where it %s', (_, text, sentence) => {
    const error = refusalOf(text);
    expect(error).toBeInstanceOf(ImageError);
    expect((error as Error).message).toContain(sentence);
  });

  it.each([1, 2, 3, 4, 5, 6])(
    'of %i bytes passes a limit of as many and is refused by one less',
    (length) => {
      const text = Buffer.alloc(length, 7).toString('base64');
      expect(decodeBase64(text, length)).toHaveLength(length);
      const error = refusalOf(text, length - 1);
      expect(error).toBeInstanceOf(ImageError);
      expect((error as Error).message).toBe(
        `The image has ${length} bytes; at most ${length - 1} are allowed.`,
      );
    },
  );

  it('is limited by its decoded bytes, without white space and header', () => {
    expect(decodeBase64(`data:image/png;base64,${' '.repeat(100)}AAAA`, 3)).toHaveLength(3);
  });
});
