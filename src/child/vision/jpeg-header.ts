const START_OF_SCAN = 0xda;
const END_OF_IMAGE = 0xd9;
/** Markers without a length: TEM, RST0 to RST7, SOI. */
const isStandalone = (marker: number): boolean => marker === 0x01 || (marker >= 0xd0 && marker <= 0xd8);

/** SOF0 to SOF15, without DHT, JPG and DAC, which lie between them. */
const isStartOfFrame = (marker: number): boolean =>
  marker >= 0xc0 && marker <= 0xcf && ![0xc4, 0xc8, 0xcc].includes(marker);

export interface JpegHeader {
  /**
   * A progressive JPEG has about ten. The decoder processes the whole image for each of them before it returns a pixel,
   * and no time limit applies until then.
   */
  readonly scans: number;
  /** As stored, before the EXIF orientation is applied; `null` if there is none. */
  readonly size: { readonly width: number; readonly height: number } | null;
}

/** Reads the markers of a JPEG (ITU-T T.81, annex B) without decoding it. */
export function readJpegHeader(encoded: Buffer): JpegHeader {
  let scans = 0;
  let size: JpegHeader['size'] = null;
  let at = 2;
  for (;;) {
    at = encoded.indexOf(0xff, at);
    if (at < 0 || at + 1 >= encoded.length) return { scans, size };
    const marker = encoded[at + 1] ?? 0;
    if (marker === END_OF_IMAGE) return { scans, size };
    // Fill bytes, and 0xff as a value in entropy-coded data.
    if (marker === 0xff) at += 1;
    else if (marker === 0 || isStandalone(marker)) at += 2;
    else {
      if (marker === START_OF_SCAN) scans += 1;
      if (at + 4 > encoded.length) return { scans, size };
      if (isStartOfFrame(marker) && at + 9 <= encoded.length) {
        size ??= { width: encoded.readUInt16BE(at + 7), height: encoded.readUInt16BE(at + 5) };
      }
      at += 2 + Math.max(2, encoded.readUInt16BE(at + 2));
    }
  }
}
