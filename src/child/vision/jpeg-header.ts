const START_OF_SCAN = 0xda;
const END_OF_IMAGE = 0xd9;
/** APP2. It starts with a name, the number of this part of the profile and the number of parts (ICC.1:2022, annex B.4). */
const COLOUR_PROFILE = 0xe2;
const PROFILE_NAME = Buffer.from('ICC_PROFILE\0');
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
  /** The ICC profile, or its first part; `null` if there is none. */
  readonly profile: Buffer | null;
}

/** Reads the markers of a JPEG (ITU-T T.81, annex B) without decoding it. */
export function readJpegHeader(encoded: Buffer): JpegHeader {
  let scans = 0;
  let size: JpegHeader['size'] = null;
  let profile: JpegHeader['profile'] = null;
  let at = 2;
  while (at + 1 < encoded.length) {
    at = encoded.indexOf(0xff, at);
    const marker = at < 0 ? END_OF_IMAGE : (encoded[at + 1] ?? END_OF_IMAGE);
    if (marker === END_OF_IMAGE) break;
    // Fill bytes, and 0xff as a value in entropy-coded data.
    if (marker === 0xff) at += 1;
    else if (marker === 0 || isStandalone(marker)) at += 2;
    else {
      if (marker === START_OF_SCAN) scans += 1;
      if (at + 4 > encoded.length) break;
      if (isStartOfFrame(marker) && at + 9 <= encoded.length) {
        size ??= { width: encoded.readUInt16BE(at + 7), height: encoded.readUInt16BE(at + 5) };
      }
      const end = at + 2 + Math.max(2, encoded.readUInt16BE(at + 2));
      const segment = encoded.subarray(at + 4, end);
      if (marker === COLOUR_PROFILE && segment.subarray(0, PROFILE_NAME.length).equals(PROFILE_NAME)) {
        profile ??= segment.subarray(PROFILE_NAME.length + 2);
      }
      at = end;
    }
  }
  return { scans, size, profile };
}
