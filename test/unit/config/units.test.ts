/** Durations and sizes as people write them. */
import { expect, test } from 'vitest';
import { parseDuration, parseSize } from '../../../src/config/index.ts';

test.each<[string, number | null]>([
  ['90', 90],
  ['1.5', 1.5],
  ['90s', 90],
  ['1.5s', 1.5],
  ['10m', 600],
  ['1h30m', 5400],
  ['1h 30m', 5400],
  ['2d', 172_800],
  ['1D2H', 93_600],
  ['0', 0],
  ['0s', 0],
  ['', null],
  [' ', null],
  ['s', null],
  ['-1', null],
  ['1m1h', null],
  ['1m1m', null],
  ['1.5h', 5400],
  ['1w', null],
  ['ten', null],
  ['1e3', null],
])('duration %j', (text, seconds) => {
  expect(parseDuration(text)).toBe(seconds);
});

test.each<[string, number | null]>([
  ['4096', 4096],
  ['1b', 1],
  ['10mb', 10 * 1024 ** 2],
  ['10 MB', 10 * 1024 ** 2],
  ['10MiB', 10 * 1024 ** 2],
  ['1.5kb', 1536],
  ['1gb', 1024 ** 3],
  ['', null],
  ['mb', null],
  ['-1kb', null],
  ['1tb', 1024 ** 4],
  ['2G', 2 * 1024 ** 3],
  ['512k', 512 * 1024],
  ['1ib', null],
  ['1pb', null],
  ['9'.repeat(30), null],
])('size %j', (text, bytes) => {
  expect(parseSize(text)).toBe(bytes);
});
