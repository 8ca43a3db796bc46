/** Bytes as text and back, without loss. */
import { describe, expect, it } from 'vitest';
import { shellLine, shellWord } from '../../../src/engine/shell-word.ts';
import { bytesOfText, shownText, textOfBytes } from '../../../src/util/exact-text.ts';

describe('bytes as text', () => {
  it('are UTF-8 where they are that', () => {
    const text = 'grüße 🦀 \ufffd';
    expect(textOfBytes(Buffer.from(text))).toBe(text);
    expect(textOfBytes(Buffer.from(text)).isWellFormed()).toBe(true);
  });

  it('come back as they were, whatever they are, through JSON as well', () => {
    let seed = 1;
    for (let round = 0; round < 300; round++) {
      const bytes = Buffer.from(
        Array.from({ length: round % 40 }, () => {
          seed = (seed * 1103515245 + 12345) % 2 ** 31;
          return seed >> 16;
        }),
      );
      const carried = JSON.parse(JSON.stringify(textOfBytes(bytes)));
      expect(bytesOfText(carried).equals(bytes)).toBe(true);
    }
  });

  it.each([
    ['a half of a character', [0xf0, 0x9f, 0xa6], '\\xf0\\x9f\\xa6'],
    ['an encoded surrogate', [0xed, 0xb3, 0xa9], '\\xed\\xb3\\xa9'],
    ['Latin-1', [0x63, 0xe9], 'c\\xe9'],
  ])('name what is no UTF-8: %s', (_what, bytes, shown) => {
    const text = textOfBytes(Buffer.from(bytes));
    expect(text.isWellFormed()).toBe(false);
    expect(shownText(text)).toBe(shown);
    expect([...bytesOfText(text)]).toEqual(bytes);
  });
});

describe('a word of a shell', () => {
  it('is quoted where it has to be', () => {
    expect(shellLine(['npm', 'run', 'a b', "it's", '', '$x'])).toBe("npm run 'a b' 'it'\\''s' '' '$x'");
  });

  it('has other bytes as bash reads them', () => {
    expect(shellWord(textOfBytes(Buffer.from([0x61, 0xe9, 0x27, 0x5c])))).toBe("$'a\\xe9\\'\\\\'");
  });
});
