/** "Did you mean": near words are found, far ones are not guessed at. */
import { expect, test } from 'vitest';
import { editDistance, nearest } from '../../../src/util/nearest.ts';

test.each([
  ['', '', 0],
  ['a', '', 1],
  ['kitten', 'sitting', 3],
  ['run', 'rnu', 1],
  ['gates', 'gates', 0],
])('distance of %j and %j is %d, both ways', (a, b, distance) => {
  expect(editDistance(a, b)).toBe(distance);
  expect(editDistance(b, a)).toBe(distance);
});

test.each([
  ['max_iteration', 'max_iterations'],
  ['MAX-ITERATIONS', 'max_iterations'],
  ['gate', 'gates'],
  ['gtaes', 'gates'],
  ['setpu', 'setup'],
])('%j means %j', (word, meant) => {
  expect(nearest(word, ['max_iterations', 'gates', 'setup'])).toBe(meant);
});

test('a word that is like nothing gets no suggestion', () => {
  for (const word of ['', 'zebra', 'x'.repeat(10_000)])
    expect(nearest(word, ['max_iterations', 'gates'])).toBeNull();
  expect(nearest('gates', [])).toBeNull();
});

test('the first of equally near words wins', () => {
  expect(nearest('cat', ['bat', 'rat'])).toBe('bat');
});
