import sharp from 'sharp';
import type { AnalyzePicture } from './analyze-picture.js';

/** One picture through the whole pipeline, so that what is set up on first use is set up before the first job. */
export async function warmUp(analyze: AnalyzePicture): Promise<void> {
  const blank = { width: 640, height: 640, channels: 3 as const, background: '#808080' };
  const picture = await sharp({ create: blank }).png().toBuffer();
  await analyze({ kind: 'base64', text: picture.toString('base64') });
}
