import { expect, test } from 'vitest';
import { findExcess } from '../../../src/dashboard/http/json-parser.js';

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
  expect(findExcess(json, maxDepth)).toBe(expected ? `nests more than ${maxDepth} levels` : null);
});

test.each([
  ['[1,2,3]', false],
  ['[1,2,3,4]', true],
  ['{"a":[1,2],"b":{"c":3,"d":4}}', true],
  ['[",,,,",",,"]', false],
])('whether %s has more than 3 values: %j', (json, expected) => {
  expect(findExcess(json, 32, 3)).toBe(expected ? 'has more than 3 values' : null);
});
