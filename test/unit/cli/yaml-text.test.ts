/** What is written for the editor is read back as it was. */
import { expect, test } from 'vitest';
import { parse } from 'yaml';
import { yamlText } from '../../../src/cli/yaml-text.ts';

const TEXTS = [
  'plain',
  '',
  ' ',
  'two words',
  'true',
  'No',
  'null',
  '~',
  '1',
  '1.5',
  '0x1f',
  '1e3',
  '2026-01-27',
  '- x',
  'a: b',
  'a #b',
  '#x',
  '*a',
  '&a',
  '!a',
  '%a',
  '@a',
  '`a',
  '"q"',
  "it's",
  '{a}',
  '[a]',
  'a,b',
  'a\\b',
  'tab\there',
  'nul\u0000',
  'ü',
  '日本',
  '\u{1f600}',
  'one\ntwo',
  'one\ntwo\n',
  '\none',
  ' one\ntwo',
  'one \ntwo',
  'one\n\n  two\n',
  'one\n\n',
  'a\r\nb',
  'x\n---\ny',
  '\ufeffx',
  'x ',
  'key:',
  ':',
  '?',
  '? a',
  '-',
  '--flag',
  '=',
  '<<',
  '.',
  '..',
  '/a/b',
  'src/**',
  'a\u2028b',
  'a\u0085b',
];

test.each(TEXTS)('the text %j', text => {
  const values = {
    key: text,
    list: [text, 'x'],
    maps: [{ first: text, second: { deep: text } }],
    [text || 'empty']: 1,
  };
  expect(parse(yamlText(values))).toEqual(values);
});

test('numbers, empty things and nothing', () => {
  const value = { a: 1, b: -1.5, c: true, d: null, e: [], f: {}, g: [[1, 2], [{ x: [] }]], h: [{}, []] };
  expect(parse(yamlText(value))).toEqual(value);
});
