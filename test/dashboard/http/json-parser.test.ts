import { expect, test } from 'vitest';
import { isDeep } from '../../../src/dashboard/http/json-parser.js';

test.each([
  ['[[1]]', 2, false],
  ['[[[1]]]', 2, true],
  ['{"a":{"b":[]}}', 2, true],
  ['[[],[],[[]]]', 3, false],
  ['["[[[[", "]"]', 1, false],
  ['["\\"[[[["]', 1, false],
  ['["\\\\",[[]]]', 2, true],
  ['"never ends [[[[', 1, false],
  ['', 1, false],
])('whether %s nests more than %i levels: %j', (json, maxDepth, expected) => {
  expect(isDeep(json, maxDepth)).toBe(expected);
});
