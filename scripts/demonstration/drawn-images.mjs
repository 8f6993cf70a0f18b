import { mkdir, writeFile } from 'node:fs/promises';
import path from 'node:path';
import sharp from 'sharp';
import { drawScene } from '../tiny/scene.mjs';

const PHOTO_COUNT = 16;
const GROUP_SIZE = 3;
const PEOPLE_COUNT = 12;
const BACKGROUNDS = ['#cfdde6', '#e9dcc9', '#d5e3cf', '#e3d3df'];

/**
 * Draws a selfie and a gallery of small groups as JPEG files. Person 0 is on the selfie and on every fourth photo.
 *
 * @param {string} directory
 * @returns {Promise<{ selfie: string, gallery: string }>}
 */
export async function drawImages(directory) {
  const gallery = path.join(directory, 'gallery');
  await mkdir(gallery, { recursive: true });
  for (let photo = 0; photo < PHOTO_COUNT; photo++) {
    const people = Array.from({ length: GROUP_SIZE }, (_, i) =>
      i === photo % GROUP_SIZE && photo % 4 === 0 ? 0 : 1 + ((photo * GROUP_SIZE + i) % PEOPLE_COUNT),
    );
    const faces = people.map((person, i) => ({
      person,
      x: 90 + 250 * i + 3 * photo,
      y: 110 + ((photo * 37 + i * 53) % 60),
      sizePx: 90 + ((photo * 29 + i * 41) % 70),
    }));
    const background = BACKGROUNDS[photo % BACKGROUNDS.length];
    const scene = await drawScene({
      widthPx: 880,
      heightPx: 400,
      faces,
      ...(background !== undefined && { background }),
    });
    const file = `photo-${String(photo + 1).padStart(2, '0')}.jpg`;
    await writeFile(path.join(gallery, file), await sharp(scene).jpeg().toBuffer());
  }
  const selfie = path.join(directory, 'selfie.jpg');
  const faces = [{ person: 0, x: 190, y: 190, sizePx: 260 }];
  const scene = await drawScene({ widthPx: 640, heightPx: 640, faces });
  await writeFile(selfie, await sharp(scene).jpeg().toBuffer());
  return { selfie, gallery };
}
