/** What a terminal is shown of the texts of others. */
import { describe, expect, it } from 'vitest';
import { SafeStream, safeJson, safeText, safeYaml } from '../../../src/util/terminal-text.ts';

const coloured = (text: string) => safeText(text, { colours: true });

describe('a text for a terminal', () => {
  it.each([
    ['a clipboard', 'x\x1b]52;c;ZQ==\x07', 'x\\x1b]52;c;ZQ==\\x07'],
    ['a carriage return', 'over\rwritten', 'over\\rwritten'],
    ['line ends of another system', 'a\r\nb\r\n', 'a\nb\n'],
    ['C1', '\x9b2J\x85', '\\u009b2J\\u0085'],
    ['a direction', 'a\u202eb\u2066c', 'a\\u202eb\\u2066c'],
    ['what takes no room', 'a\u200bb\u{e0041}c\u00add', 'a\\u200bb\\u{e0041}c\\u00add'],
    ['half a pair', 'a\ud800b', 'a\\ud800b'],
    ['letters of every kind', 'naïve 宽 Ω\tя', 'naïve 宽 Ω\tя'],
    ['pictures made of several', '👩‍💻', '👩‍💻'],
    ['joiners of a script that needs them', 'می‌خواهم', 'می‌خواهم'],
    ['joiners where none belong', 'pass\u200cword', 'pass\\u200cword'],
  ])('%s', (_what, text, shown) => {
    expect(coloured(text)).toBe(shown);
  });

  it('keeps colours, and ends them with the line', () => {
    expect(coloured('\x1b[1;38;5;8mred\nplain')).toBe('\x1b[1;38;5;8mred\x1b[0m\nplain');
    expect(coloured('\x1b[32mok\x1b[0m')).toBe('\x1b[32mok\x1b[0m');
    expect(coloured(coloured('\x1b[31mred'))).toBe(coloured('\x1b[31mred'));
    expect(safeText('\x1b[31mred')).toBe('\\x1b[31mred');
  });

  it.each(['\x1b[8m', '\x1b[1;8m', '\x1b[08m', '\x1b[?1m', '\x1b[2J', `\x1b[${'1;'.repeat(40)}m`])(
    '%j is no colour',
    sequence => {
      expect(coloured(sequence)).not.toContain('\x1b');
    },
  );
});

it('JSON and YAML mean what they meant', () => {
  const value = { a: 'x\x1b\x9b\u202e\u{e0041}\ud800 ü' };
  const json = safeJson(JSON.stringify(value));
  expect(json).toBe('{"a":"x\\u001b\\u009b\\u202e\\udb40\\udc41\\ud800 ü"}');
  expect(JSON.parse(json)).toEqual(value);
  expect(safeYaml(JSON.stringify('\u{e0041}\x9b'))).toBe('"\\U000e0041\\u009b"');
});

it('what comes in pieces is put together', () => {
  const stream = new SafeStream();
  const bytes = Buffer.from('a\x1b[31mré\r\nb\x1b');
  const shown = Array.from(bytes, byte => stream.push(Buffer.from([byte]))).join('') + stream.end();
  expect(shown.replaceAll(/\x1b\[\d*m/g, '')).toBe('aré\nb\\x1b');
  expect(shown).toContain('\x1b[31m');
});
