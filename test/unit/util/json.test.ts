/** Numbers that programs tell of themselves are bounded, so that sums of them stay numbers. */
import { expect, test } from 'vitest';
import { amount, count } from '../../../src/util/json.ts';

const MAX = Number.MAX_SAFE_INTEGER;

test.each([
  [3.4, 3, 3.4],
  [0, 0, 0],
  [-5, 0, 0],
  [1e308, MAX, MAX],
  [Number.POSITIVE_INFINITY, 0, null],
  [Number.NaN, 0, null],
  ['12', 0, null],
  [undefined, 0, null],
])('%j is the count %j and the amount %j', (value, counted, costs) => {
  expect(count(value)).toBe(counted);
  expect(amount(value)).toBe(costs);
});
