/** Long lines of a log on a terminal. */
import { expect, test } from 'vitest';
import { wrapLines } from '../../../src/cli/wrap-lines.ts';

test('what does not fit goes on behind a mark, in its colour', () => {
  expect(wrapLines('short\n', 20)).toBe('short\n');
  expect(wrapLines(`[a] ${'x'.repeat(20)}\n`, 20)).toBe(`[a] ${'x'.repeat(16)}\n    ↳ xxxx\n`);
  expect(wrapLines(`[a] \x1b[31m${'x'.repeat(20)}\x1b[0m\n`, 20)).toBe(
    `[a] \x1b[31m${'x'.repeat(16)}\x1b[0m\n    ↳ \x1b[31mxxxx\x1b[0m\n`,
  );
});

test('wide characters and tabs take the room that they take', () => {
  expect(wrapLines(`${'宽'.repeat(11)}\n`, 20)).toBe(`${'宽'.repeat(10)}\n    ↳ 宽\n`);
  expect(wrapLines('a\tb\tc\td\n', 20).split('\n')[0]).toBe('a\tb\tc');
});

test('a terminal that says nothing of its width, or has none, is left alone', () => {
  const line = `${'x'.repeat(100)}\n`;
  expect(wrapLines(line, 0)).toBe(line);
});
