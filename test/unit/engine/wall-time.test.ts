/** How long something takes, in words: exact for what is past, never too short for what is to come. */
import { expect, test } from 'vitest';
import { duration, exactDuration } from '../../../src/engine/wall-time.ts';

test.each([
  [0, '0s'],
  [59, '59s'],
  [63, '1m 3s'],
  [120, '2m'],
  [3600, '1h'],
  [3661, '1h 1m 1s'],
  [86_400 + 3600, '1d 1h'],
  [90_061, '1d 1h 1m 1s'],
])('%i s have passed: %s', (seconds, text) => {
  expect(exactDuration(seconds)).toBe(text);
});

test.each([
  [62_001, '1m 3s'],
  [3_600_001, '1h 1m'],
  [18_720_000, '5h 12m'],
  [90_000_000, '1d 1h'],
  [-5, '0s'],
])('%i ms are to come: %s', (ms, text) => {
  expect(duration(ms)).toBe(text);
});
