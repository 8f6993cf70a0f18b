/** Names of the formats that `src/child/vision` decodes. */
const PHOTO = /\.(jpe?g|jpe|jfif|jif|pjpeg|png|webp|avif|hei[cf]|gif|tiff?)$/i;
/** Photos that cannot be decoded: BMP, Photoshop, TGA, JPEG XL, JPEG 2000, and the raw formats of cameras. */
const UNREAD_PHOTO =
  /\.(bmp|dib|psd|tga|hif|jxl|jp2|j2k|jpf|jpx|dng|cr[23w]|nef|nrw|arw|sr[2fw]|orf|raf|rw[2l]|pef|x3f|3fr|iiq)$/i;

/** Folders with thumbnails, deleted files or system files, in lower case. */
const IGNORED_FOLDERS: ReadonlySet<string> = new Set([
  '@eadir', // thumbnails of Synology
  '#recycle', // recycle bin of Synology
  '#snapshot',
  '@recycle', // recycle bin of QNAP
  '@recently-snapshot',
  '$recycle.bin', // recycle bin of Windows
  'system volume information',
  'lost+found',
  'thmbnl', // thumbnails of Sony cameras
  'canonmsc', // index files of Canon cameras
  '__macosx', // metadata that macOS adds to archives
]);

export function isPhoto(fileName: string): boolean {
  return PHOTO.test(fileName);
}

export function isUnreadPhoto(fileName: string): boolean {
  return UNREAD_PHOTO.test(fileName);
}

export function isIgnoredFolder(name: string): boolean {
  return IGNORED_FOLDERS.has(name.toLowerCase());
}

/**
 * Whether jobs and results can name a file. Names with backslashes or control characters are not safe as paths.
 * U+FFFD stands for bytes that are not UTF-8, as in names in Latin-1, so Node cannot open the file.
 */
export function isUsableName(name: string): boolean {
  // oxlint-disable-next-line no-control-regex -- control characters are what it looks for
  return name !== '' && !/[\\\u0000-\u001f\u007f\ufffd]/.test(name);
}
