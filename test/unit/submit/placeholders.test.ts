/** What of a command stands for an item. The expected values are those of parallel(1). */
import { expect, test } from 'vitest';
import { commandOf, MARKS_TEXT, markInQuotes, shellLineOf } from '../../../src/submit/placeholders.ts';

test.each([
  ['src/a.tar.gz', ['src/a.tar.gz', 'src/a.tar', 'a.tar.gz', 'src', 'a.tar']],
  ['plain', ['plain', 'plain', 'plain', '.', 'plain']],
  ['/root.d/x', ['/root.d/x', '/root.d/x', 'x', '/root.d', 'x']],
  ['/top', ['/top', '/top', 'top', '/', 'top']],
  ['a//b.c', ['a//b.c', 'a//b', 'b.c', 'a', 'b']],
  ['a/b/', ['a/b/', 'a/b/', '', 'a', '']],
  ['/', ['/', '/', '', '/', '']],
  ['', ['', '', '', '.', '']],
  ['.bashrc', ['.bashrc', '', '.bashrc', '.', '']],
])('the parts of %j', (item, parts) => {
  expect(commandOf(['p', '{}', '{.}', '{/}', '{//}', '{/.}', 'n={#}'], item, 7)).toEqual([
    'p',
    ...parts,
    'n=7',
  ]);
});

test('an item is never read again, nor is anything else in braces', () => {
  expect(commandOf(['p', '{}{}', '{a}', '{ }', '{..}'], '{.}$&', 1)).toEqual([
    'p',
    '{.}$&{.}$&',
    '{a}',
    '{ }',
    '{..}',
  ]);
});

test('without a place for it the item is the last argument; a number is a place', () => {
  expect(commandOf(['p', 'x'], 'a b', 1)).toEqual(['p', 'x', 'a b']);
  expect(commandOf(['p', '{#}'], 'a', 3)).toEqual(['p', '3']);
});

test('in a line for sh an item is one word', () => {
  expect(shellLineOf(['cat', '<{}', '>{/.}.x'], "d/it's $HOME.y", 1)).toBe(
    "cat <'d/it'\\''s $HOME.y' >'it'\\''s $HOME'.x",
  );
  expect(shellLineOf(['wc', '-l'], 'a b', 1)).toBe("wc -l 'a b'");
  expect(shellLineOf([], 'a | b', 1)).toBe('a | b');
  expect(shellLineOf(['p'], 'caf\udce9', 1)).toBe("p 'caf\udce9'");
});

test.each([
  [['echo', '"{}"'], '{}'],
  [["echo '{/.}' {}"], '{/.}'],
  [['echo "a \\" {#}"'], '{#}'],
  [['echo \\"{}\\"'], null],
  [['echo \'x\' {} "y" {.}'], null],
  [['awk "{print}" {}'], null],
])('a place inside of quotes is seen: %j', (words, found) => {
  expect(markInQuotes(words)).toBe(found);
});

test('the manual names each', () => {
  expect(MARKS_TEXT).toBe(
    '{} the item, {.} without its extension, {/} without its folder, {//} its folder, {/.} without folder and extension, {#} its number, from 1',
  );
});
