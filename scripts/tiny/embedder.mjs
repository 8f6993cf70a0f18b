import { CROP_SIZE, MOSAIC } from './drawn-face.mjs';
import { createGraph } from './graph.mjs';

export const EMBEDDING_SIZE = 512;
const PROJECTION_SEED = 20_240_601;
// Only the middle of each square counts, so that a crop may be off by some pixels.
const SQUARE_MARGIN = 2;

/**
 * An embedder that reads the mosaic of a drawn face's cap: the mean luma of each square, minus the mean
 * of all, through a fixed random projection. It is linear, so the cosine of two embeddings equals that of
 * the two mosaics.
 *
 * Input `input` float32 [n, 3, 112, 112], RGB, 0..255. Output `embedding` [n, embeddingSize], not normalised.
 *
 * @param {{ batch?: number | string, channelsLast?: boolean, embeddingSize?: number }} [options] `batch`: a number for a
 *   model that takes that many faces only; `channelsLast`: the input is [n, 112, 112, 3]
 * @returns {Buffer} the .onnx file
 */
export function createEmbedderModel({
  batch = 'n',
  channelsLast = false,
  embeddingSize = EMBEDDING_SIZE,
} = {}) {
  const { x, y, columns, rows, cellWidth, cellHeight } = MOSAIC;
  const squares = columns * rows;
  const graph = createGraph('drawn-face-embedder');

  const face = channelsLast ? graph.apply('Transpose', ['input'], { perm: [0, 3, 1, 2] }) : 'input';
  const cap = graph.apply('Slice', [
    face,
    graph.integers([y, x]),
    graph.integers([y + rows * cellHeight, x + columns * cellWidth]),
    graph.integers([2, 3]),
  ]);
  const weights = graph.floats([1, 3, cellHeight, cellWidth], squareWeights());
  const luma = graph.apply('Conv', [cap, weights], { strides: [cellHeight, cellWidth] });
  const list = graph.apply('Reshape', [luma, graph.integers([0, squares])]);
  const mean = graph.apply('ReduceMean', [list], { axes: [1], keepdims: 1 });
  const projection = graph.floats([squares, embeddingSize], randomSigns(squares * embeddingSize));
  const embedding = graph.apply('MatMul', [graph.apply('Sub', [list, mean]), projection]);

  graph.addOutput(embedding, { name: 'embedding', shape: [batch, embeddingSize] });
  const image = channelsLast ? [CROP_SIZE, CROP_SIZE, 3] : [3, CROP_SIZE, CROP_SIZE];
  return graph.encode({ name: 'input', shape: [batch, ...image] });
}

/** [1, 3, cellHeight, cellWidth]: the mean ITU-R BT.601 luma (0..1) of a square's middle. */
function squareWeights() {
  const { cellWidth, cellHeight } = MOSAIC;
  const area = (cellWidth - 2 * SQUARE_MARGIN) * (cellHeight - 2 * SQUARE_MARGIN);
  return [0.299, 0.587, 0.114].flatMap((channel) =>
    Array.from({ length: cellWidth * cellHeight }, (_, i) => {
      const inColumns = isInMiddle(i % cellWidth, cellWidth);
      const inRows = isInMiddle(Math.floor(i / cellWidth), cellHeight);
      return inColumns && inRows ? channel / 255 / area : 0;
    }),
  );
}

/**
 * @param {number} position
 * @param {number} length
 */
function isInMiddle(position, length) {
  return position >= SQUARE_MARGIN && position < length - SQUARE_MARGIN;
}

/**
 * 1 or -1, the same ones each time: the top bits of a linear congruential generator (Numerical Recipes).
 *
 * @param {number} count
 */
function randomSigns(count) {
  let state = PROJECTION_SEED;
  return Array.from({ length: count }, () => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return state >= 2 ** 31 ? 1 : -1;
  });
}
