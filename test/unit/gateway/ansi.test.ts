/** Colours of a terminal become class names; everything else that a terminal would obey is dropped. */
import { expect, test } from 'vitest';
import { piecesOf } from '../../../src/gateway/page/ansi.ts';

const shown = (line: string) =>
  piecesOf(line).map(({ text, classes }) => (classes === '' ? text : [text, classes]));

test('colours and styles, and their ends', () => {
  expect(shown('a \x1b[1;31mred\x1b[0m b')).toEqual(['a ', ['red', 'a-bold a-fg1'], ' b']);
  expect(shown('\x1b[38;5;46mgreen\x1b[39m x')).toEqual([['green', 'a-fg10'], ' x']);
  expect(shown('\x1b[38;2;255;0;0mred')).toEqual([['red', 'a-fg9']]);
  expect(shown('\x1b[mplain')).toEqual(['plain']);
});

test('links, titles, moves and bare controls leave nothing but their text', () => {
  expect(shown('\x1b]8;;javascript:x\x07link\x1b]8;;\x07')).toEqual(['link']);
  expect(shown('\x1b]0;title\x1b\\a\x1b[2K\x1b[10Ab\x08\x07c')).toEqual(['a', 'bc']);
  expect(shown('<b onclick=x>')).toEqual(['<b onclick=x>']);
});
