/** Times as people write and read them. */
import { expect, test } from 'vitest';
import { elapsed, parseSince, runtime, toSeconds, wholeNumber } from '../../../src/cli/time.ts';

test('runtime has the form of the seed', () => {
  expect([8100, 900, 42, 0, 26 * 3600 + 60].map(runtime)).toEqual(['2h 15m', '15m', '42s', '0s', '26h 1m']);
});

test('elapsed ticks', () => {
  expect([999, 62_000, 3_720_000].map(elapsed)).toEqual(['0s', '1m 02s', '1h 02m']);
});

test('last activity has the precision of the seed', () => {
  expect(toSeconds('2026-01-27T18:45:00.123Z')).toBe('2026-01-27T18:45:00Z');
  expect(toSeconds('2026-01-27T18:45:00Z')).toBe('2026-01-27T18:45:00Z');
});

test('since is how long ago, or a time', () => {
  const now = Date.parse('2026-01-27T18:45:00Z');
  expect(parseSince('10m', now)).toBe('2026-01-27T18:35:00.000Z');
  expect(parseSince('1h 30m', now)).toBe('2026-01-27T17:15:00.000Z');
  expect(parseSince('2026-01-27T18:45:00+01:00', now)).toBe('2026-01-27T17:45:00.000Z');
  expect(parseSince('2026-01-27 18:45', now)).toBe(new Date('2026-01-27T18:45').toISOString());
  expect(() => parseSince('yesterday', now)).toThrow(/Not a time/);
});

test('whole numbers', () => {
  expect(wholeNumber('--lines')('0')).toBe(0);
  for (const text of ['', '-1', '1.5', 'x', '1e3'])
    expect(() => wholeNumber('--lines')(text)).toThrow(/whole number/);
});
