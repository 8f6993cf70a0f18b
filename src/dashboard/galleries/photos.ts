import { readFile } from 'node:fs/promises';
import pMap from 'p-map';
import sharp from 'sharp';
import { openGalleryDirectory } from '../../gallery/listing/gallery-directory.js';
import type { Config } from '../../shared/config.js';
