import { tmpdir } from 'node:os';
import { expect, test } from 'vitest';
import { formatContactSheet } from '../../src/cli/contact-sheet.js';
import { linkPhotos } from '../../src/cli/photo-links.js';
import { loadConfig } from '../../src/shared/config.js';

const options = {
  linkOf: await linkPhotos([], '/photos', loadConfig({}, tmpdir())),
  title: 'Day-1 <&> "x"',
  selfies: ['/home/me "1".jpg'],
  threshold: 0.7,
  seconds: '1.25',
};

test('a contact sheet shows every photo with its face framed, and its score', () => {
  const box = { x: 0.25, y: 0.1, width: 0.5, height: 0.3333 };
  const page = formatContactSheet(
    [
      { id: 'Day-1/a b.jpg', score: 0.8765, similarity: 0.8765, box },
      { id: 'Day-1/c.jpg', score: 0.7, similarity: 0.7 },
    ],
    options,
  );
  expect(page).toContain('src="file:///photos/Day-1/a%20b.jpg"');
  expect(page).toContain('left:25.00%;top:10.00%;width:50.00%;height:33.33%');
  expect(page).toContain('1. Day-1/a b.jpg · 0.876');
  expect(page).toContain('2. Day-1/c.jpg · 0.700');
  expect(page.match(/<figure>/g)).toHaveLength(2);
  expect(page.match(/<i /g)).toHaveLength(1);
});

test('a contact sheet shows the selfie, the threshold and the time', () => {
  const page = formatContactSheet([], options);
  expect(page).toContain('<img class="selfie" alt="Selfie" src="file:///home/me%20%221%22.jpg">');
  expect(page).toContain('Score 0.7 or more, found in 1.25 s');
  expect(formatContactSheet([], { ...options, threshold: undefined })).toContain('MATCH_THRESHOLD or more');
});

test('a photo that cannot be shown has only its name and score', () => {
  const match = { id: 'a.heic', score: 0.9, similarity: 0.9, box: { x: 0, y: 0, width: 1, height: 1 } };
  const page = formatContactSheet([match], { ...options, linkOf: () => null });
  expect(page).toContain('<div></div><figcaption>1. a.heic · 0.900');
});

test('names of files and folders cannot break out of the page', () => {
  const page = formatContactSheet(
    [{ id: `Day-1/"><script>alert('1')</script>&.jpg`, score: 0.9, similarity: 0.9 }],
    options,
  );
  expect(page).not.toContain('<script');
  expect(page).not.toMatch(/alt="" src="[^"]*["][^>]*</);
  expect(page).toContain('Day-1 &#60;&#38;&#62; &#34;x&#34;');
});
