import { describe, expect, it } from 'vitest';
import type { Box } from '../../../src/shared/face.js';
import { intersectionOverUnion, suppressNonMaxima } from '../../../src/child/vision/nms.js';

const box = (x: number, y: number, width: number, height = width): Box => ({ x, y, width, height });

describe('intersection over union', () => {
  it.each<[string, Box, Box, number]>([
    ['the same box', box(3, 4, 10), box(3, 4, 10), 1],
    ['boxes apart', box(0, 0, 10), box(20, 0, 10), 0],
    ['boxes apart along both axes', box(0, 0, 10), box(20, 20, 10), 0],
    ['boxes that share an edge', box(0, 0, 10), box(10, 0, 10), 0],
    ['boxes that share a corner', box(0, 0, 10), box(10, 10, 10), 0],
    ['a half each', box(0, 0, 10), box(5, 0, 10), 50 / 150],
    ['a corner each', box(0, 0, 10), box(5, 5, 10), 25 / 175],
    ['a box inside another', box(0, 0, 10), box(2, 3, 5), 0.25],
    ['a cross', box(0, 4, 12, 4), box(4, 0, 4, 12), 16 / 80],
    ['boxes beyond the edge of the image', box(-10, -10, 10), box(-5, -10, 10), 50 / 150],
  ])('of %s', (_, a, b, expected) => {
    expect(intersectionOverUnion(a, b)).toBeCloseTo(expected, 12);
    expect(intersectionOverUnion(b, a)).toBeCloseTo(expected, 12);
  });
});

const detection = (score: number, x: number) => ({ score, box: box(x, 0, 10) });

describe('non-maximum suppression', () => {
  it('keeps detections that do not overlap, best first', () => {
    const detections = [detection(0.7, 0), detection(0.9, 100), detection(0.8, 200)];
    expect(suppressNonMaxima(detections, 0.3).map(({ score }) => score)).toEqual([0.9, 0.8, 0.7]);
    expect(suppressNonMaxima([], 0.3)).toEqual([]);
  });

  it('drops detections that overlap a better one, and does not change its input', () => {
    const detections = Object.freeze([detection(0.7, 2), detection(0.9, 0), detection(0.8, 1)]);
    expect(suppressNonMaxima(detections, 0.3)).toEqual([detection(0.9, 0)]);
  });

  it('is greedy: keeps a detection that overlaps only a dropped one', () => {
    // Each overlaps its neighbour by 5 / 15, the first and the last not at all.
    const chain = [detection(0.9, 0), detection(0.8, 5), detection(0.7, 10)];
    expect(suppressNonMaxima(chain, 0.3).map(({ score }) => score)).toEqual([0.9, 0.7]);
  });

  it('keeps an overlap of exactly the threshold', () => {
    const half = [detection(0.9, 0), { score: 0.8, box: box(0, 0, 10, 5) }];
    expect(suppressNonMaxima(half, 0.5)).toHaveLength(2);
    expect(suppressNonMaxima(half, 0.49)).toHaveLength(1);
  });
});
