import sharp from 'sharp';

const SIZE = { width: 6000, height: 4000 };
/** Noise of a sensor at medium light, in values of 255. It makes the file as large as those of cameras. */
const NOISE_SIGMA = 4;

/** A photo enlarged to 24 megapixels. @param {Buffer} photo */
export async function cameraPhoto(photo) {
  const background = await sharp(photo).autoOrient().resize(SIZE).blur(20).toBuffer();
  const front = await sharp(photo).autoOrient().resize({ height: SIZE.height }).toBuffer();
  const noise = await sharp({
    create: {
      ...SIZE,
      channels: 3,
      background: '#808080',
      noise: { type: 'gaussian', mean: 128, sigma: NOISE_SIGMA },
    },
  })
    .png({ compressionLevel: 0 })
    .toBuffer();
  return sharp(background)
    .composite([{ input: front }, { input: noise, blend: 'hard-light' }])
    .removeAlpha()
    .jpeg({ quality: 90 })
    .toBuffer();
}
