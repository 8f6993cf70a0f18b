/**
 * Counts the pages of a TIFF (TIFF 6.0, section 2) without decoding it: the decoder visits each of them before it returns a
 * pixel, and no time limit applies until then.
 *
 * @returns at most `most`, also for pages that refer to each other in a circle
 */
export function countTiffPages(encoded: Buffer, most: number): number {
  const isLittleEndian = encoded[0] === 0x49;
  const readUInt16 = (at: number): number =>
    isLittleEndian ? encoded.readUInt16LE(at) : encoded.readUInt16BE(at);
  const readUInt32 = (at: number): number =>
    isLittleEndian ? encoded.readUInt32LE(at) : encoded.readUInt32BE(at);

  let pages = 0;
  /** Where the offset of the next page is. */
  let at = 4;
  while (pages < most && at + 4 <= encoded.length) {
    const page = readUInt32(at);
    if (page === 0 || page + 2 > encoded.length) break;
    pages += 1;
    at = page + 2 + 12 * readUInt16(page);
  }
  return pages;
}
