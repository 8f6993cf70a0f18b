import { describe, expect, test } from 'vitest';
import { JobError } from '../../src/shared/errors.js';
import { parseSearchJob } from '../../src/shared/job.js';

function errorOf(data: unknown): JobError {
  try {
    parseSearchJob(data);
  } catch (error) {
    if (error instanceof JobError) return error;
    throw error;
  }
  throw new Error('The job was accepted');
}

const selfiesOf = (data: object) => parseSearchJob({ stage: 'Day-1', ...data }).selfies;

describe('parseSearchJob', () => {
  test('reads a job with a list, and ignores unknown fields', () => {
    const gallery = [
      { id: 'a', image: 'AAAA' },
      { id: 'b', path: 'Day-1/b.jpg' },
    ];
    const data = { image: 'AAAA', uid: 7, stage: 'Day-1', timestamp: 1, gallery, threshold: 0.5, limit: 3 };
    expect(parseSearchJob(data)).toEqual({
      selfies: ['AAAA'],
      boxes: false,
      details: false,
      expand: true,
      gallery: { kind: 'list', entries: gallery },
      threshold: 0.5,
      limit: 3,
    });
  });

  test('reads one selfie, several, or both', () => {
    expect(selfiesOf({ images: ['AAAA', 'BBBB'] })).toEqual(['AAAA', 'BBBB']);
    expect(selfiesOf({ image: 'AAAA', images: ['BBBB'] })).toEqual(['AAAA', 'BBBB']);
    expect(selfiesOf({ image: 'AAAA', images: null })).toEqual(['AAAA']);
  });

  test('reads a job with a folder', () => {
    const job = parseSearchJob({ image: 'AAAA', stage: 'Day-1/Morning/Batch-A' });
    expect(job.gallery).toEqual({ kind: 'folder', stage: 'Day-1/Morning/Batch-A' });
    const slashes = parseSearchJob({ image: 'AAAA', stage: 'Day-1//' });
    expect(slashes.gallery).toEqual({ kind: 'folder', stage: 'Day-1' });
    expect(job.threshold).toBeUndefined();
    expect(job.limit).toBeUndefined();
  });

  test('accepts an empty list as a gallery without photos', () => {
    expect(parseSearchJob({ image: 'AAAA', stage: 'Day-1', gallery: [] }).gallery).toEqual({
      kind: 'list',
      entries: [],
    });
  });

  test('treats null as not set', () => {
    const data = { image: 'AAAA', stage: 'Day-1', gallery: null, threshold: null, limit: null };
    expect(parseSearchJob(data).gallery).toEqual({ kind: 'folder', stage: 'Day-1' });
    expect(parseSearchJob({ image: 'AAAA', stage: null, gallery: [] }).gallery.kind).toBe('list');
  });

  test.each([
    ['nothing', undefined, 'data'],
    ['a text', 'AAAA', 'data'],
    ['a list', [], 'data'],
    ['no selfie', { stage: 'Day-1' }, 'image'],
    ['an empty selfie', { image: '', stage: 'Day-1' }, 'image'],
    ['a selfie that is no text', { image: { base64: 'AAAA' }, stage: 'Day-1' }, 'image'],
    ['a gallery that is no list', { image: 'AAAA', gallery: 'Day-1' }, 'gallery'],
    ['an entry without id', { image: 'AAAA', gallery: [{ image: 'AAAA' }] }, 'gallery.0'],
    ['an entry without picture', { image: 'AAAA', gallery: [{ id: 'a' }] }, 'gallery.0'],
    ['an entry with an empty path', { image: 'AAAA', gallery: [{ id: 'a', path: '' }] }, 'gallery.0'],
    ['a threshold over 1', { image: 'AAAA', gallery: [], threshold: 1.5 }, 'threshold'],
    ['a threshold that is a text', { image: 'AAAA', gallery: [], threshold: '0.5' }, 'threshold'],
    ['a limit below 0', { image: 'AAAA', gallery: [], limit: -1 }, 'limit'],
    ['a limit that is not whole', { image: 'AAAA', gallery: [], limit: 1.5 }, 'limit'],
    ['a stage that is a number', { image: 'AAAA', stage: 1 }, 'stage'],
    ['neither list nor folder', { image: 'AAAA' }, 'names no gallery'],
    ['an empty stage', { image: 'AAAA', stage: '' }, 'names no gallery'],
  ])('refuses %s and names it', (_case, data, named) => {
    const error = errorOf(data);
    expect(error.code).toBe('INVALID_JOB');
    expect(error.message).toMatch(/^INVALID_JOB: .*\.$/);
    expect(error.detail).toContain(named);
  });

  test('never quotes a photo', () => {
    expect(
      errorOf({ image: ['SECRETPICTURE'], gallery: [{ id: 'a', image: 7, x: 'SECRETPICTURE' }] }).detail,
    ).not.toContain('SECRETPICTURE');
  });

  test('names the first problems of many and counts the rest', () => {
    const gallery = Array.from({ length: 1000 }, () => ({ id: '' }));
    const { detail } = errorOf({ image: 'AAAA', gallery });
    expect(detail).toContain('gallery.4: ');
    expect(detail).not.toContain('gallery.5: ');
    expect(detail).toContain('and 995 more');
  });
});

describe('a job of any size', () => {
  const long = 'x'.repeat(1025);
  test.each([
    ['stage', { image: 'AAAA', stage: long }],
    ['gallery.0', { image: 'AAAA', gallery: [{ id: long, image: 'AAAA' }] }],
    ['gallery.0', { image: 'AAAA', gallery: [{ id: 'a', path: long }] }],
    ['gallery', { image: 'AAAA', gallery: Array.from({ length: 100_001 }, () => ({ id: 'a', path: 'a' })) }],
    ['images', { images: Array.from({ length: 17 }, () => 'AAAA'), stage: 'Day-1' }],
  ])('is refused where its %s is too long', (named, data) => {
    const { code, detail } = errorOf(data);
    expect(code).toBe('INVALID_JOB');
    expect(detail).toContain(named);
  });
});
