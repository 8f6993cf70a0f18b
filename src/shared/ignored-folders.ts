/** Folders with thumbnails, deleted files or system files, in lower case: the default of GALLERY_IGNORED_FOLDERS. */
export const IGNORED_FOLDERS: readonly string[] = [
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
];
