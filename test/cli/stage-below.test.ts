import { describe, expect, it } from 'vitest';
import { stageBelow } from '../../src/cli/stage-below.js';

describe('a stage on the command line', () => {
  it.each([
    ['/photos', 'Day-1', 'Day-1'],
    [null, 'Day-1', 'Day-1'],
    ['/photos', '/photos/Day-1/Morning', 'Day-1/Morning'],
    ['s3://event', 'Day-1', 'Day-1'],
    ['s3://event', 's3://event/Day-1', 'Day-1'],
    ['s3://event/2026/', 's3://event/2026/Day-1/', 'Day-1'],
  ])('below %s, %s is %s', (galleryDir, wanted, stage) => {
    expect(stageBelow(galleryDir, wanted)).toBe(stage);
  });

  it.each([
    ['/photos', '/etc'],
    ['/photos', '/photos'],
    ['/photos', 's3://event/Day-1'],
    ['s3://event', '/etc'],
    ['s3://event/2026', 's3://event/2025/Day-1'],
    ['s3://event/2026', 's3://event/2026'],
    ['s3://event', 's3://other/Day-1'],
  ])('below %s, %s is refused', (galleryDir, wanted) => {
    expect(() => stageBelow(galleryDir, wanted)).toThrow(`"${wanted}" is not below GALLERY_DIR`);
  });

  it('cannot be an absolute path without GALLERY_DIR', () => {
    expect(() => stageBelow(null, '/photos')).toThrow('GALLERY_DIR is not set');
  });
});
