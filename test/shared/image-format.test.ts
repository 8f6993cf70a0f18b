import { describe, expect, it } from 'vitest';
import { recogniseFormat } from '../../src/shared/image-format.js';

const latin1 = (text: string): Buffer => Buffer.from(text, 'latin1');

/** The first box of an ISO base media file, and something behind it. */
function ftyp(major: string, compatible: readonly string[] = []): Buffer {
  const brands = latin1(`ftyp${major}\0\0\0\0${compatible.join('')}`);
  const size = Buffer.alloc(4);
  size.writeUInt32BE(4 + brands.length);
  return Buffer.concat([size, brands, latin1('\0\0\0\x08mdat')]);
}

describe('a format is recognised by its first bytes', () => {
  it.each([
    ['JPEG', latin1('\xff\xd8\xff\xe0\0\x10JFIF\0')],
    ['JPEG', latin1('\xff\xd8\xff\xe1\x12\x34Exif\0')],
    ['PNG', latin1('\x89PNG\r\n\x1a\n\0\0\0\rIHDR')],
    ['WebP', latin1('RIFF\x0a\x0d\0\0WEBPVP8 ')],
    ['GIF', latin1('GIF87a\x01\0')],
    ['GIF', latin1('GIF89a\x01\0')],
    ['TIFF', latin1('II*\0\x08\0\0\0')],
    ['TIFF', latin1('MM\0*\0\0\0\x08')],
    ['AVIF', ftyp('avif')],
    ['AVIF', ftyp('avis', ['avif', 'msf1'])],
    ['AVIF', ftyp('mif1', ['mif1', 'avif', 'miaf'])],
    ['HEIC', ftyp('heic', ['mif1', 'heic'])],
    ['HEIC', ftyp('heix')],
    ['HEIC', ftyp('hevc')],
    ['HEIC', ftyp('mif1', ['mif1', 'heic'])],
    ['HEIC', ftyp('msf1')],
  ])('%s', (format, encoded) => {
    expect(recogniseFormat(encoded)).toBe(format);
  });

  it.each([
    ['nothing', Buffer.alloc(0)],
    ['a single byte', latin1('\xff')],
    ['half a signature', latin1('\x89PN')],
    ['the start of a JPEG without a marker', latin1('\xff\xd8\0\0JFIF')],
    ['a JPEG behind something else', latin1(' \xff\xd8\xff\xe0\0\x10JFIF')],
    ['a text', latin1('I am no picture at all, but long enough to be one.')],
    ['a text that tells of a picture', latin1(' GIF89a')],
    ['SVG', latin1('<svg xmlns="http://www.w3.org/2000/svg"/>')],
    ['XML', latin1('<?xml version="1.0"?><svg/>')],
    ['PDF', latin1('%PDF-1.7\n')],
    ['BMP', latin1('BM\x36\0\0\0\0\0\0\0\x36\0\0\0\x28\0')],
    ['a sound', latin1('RIFF\x0a\x0d\0\0WAVEfmt ')],
    ['a film', ftyp('isom', ['isom', 'iso2', 'avc1', 'mp41'])],
    ['a brand behind the box that holds them', Buffer.concat([ftyp('isom'), latin1('avifavif')])],
    ['a box that is cut off', ftyp('avif').subarray(0, 15)],
  ])('%s is none', (_, encoded) => {
    expect(recogniseFormat(encoded)).toBeNull();
  });

  it('a box that is longer than its file is read to the end of the file', () => {
    const encoded = ftyp('mif1', ['heic']);
    encoded.writeUInt32BE(0xffff_ffff);
    expect(recogniseFormat(encoded)).toBe('HEIC');
  });
});
