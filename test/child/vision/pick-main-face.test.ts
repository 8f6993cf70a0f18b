import { expect, test } from 'vitest';
import type { Box } from '../../../src/shared/face.js';
import { pickMainFace } from '../../../src/child/vision/pick-main-face.js';

/** The index of the face that is picked in an image of 1000 x 800 pixels. */
function picked(...boxes: Box[]): number {
  const faces = boxes.map((box) => ({ box }));
  const face = pickMainFace(faces, { widthPx: 1000, heightPx: 800 });
  return face === null ? -1 : faces.indexOf(face);
}

const square = (centreX: number, centreY: number, side: number): Box => ({
  x: centreX - side / 2,
  y: centreY - side / 2,
  width: side,
  height: side,
});

test.each([
  ['nobody where there is nobody', [], -1],
  ['the only face, wherever it is', [square(990, 10, 20)], 0],
  ['the larger of two faces side by side', [square(300, 400, 200), square(700, 400, 300)], 1],
  ['the one in the middle of two of the same size', [square(150, 150, 200), square(500, 400, 200)], 1],
  ['the selfie taker before a passer-by in the middle', [square(500, 300, 60), square(450, 500, 400)], 1],
  [
    'the one in the middle before a slightly larger one at the edge',
    [square(60, 60, 320), square(480, 420, 300)],
    1,
  ],
])('picks %s', (_case, boxes, expected) => {
  expect(picked(...boxes)).toBe(expected);
});
