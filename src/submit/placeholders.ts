/** The command of one item of `rasen each`: what stands in it for the item, by the names that GNU parallel has. Pure. */
import { shellWord } from '../engine/shell-word.ts';

/** Each name with what it is for people, and what it becomes of an item; `n` counts from 1. */
const MARKS: readonly { mark: string; about: string; of: (item: string, n: number) => string }[] = [
  { mark: '{}', about: 'the item', of: item => item },
  { mark: '{.}', about: 'without its extension', of: withoutExtension },
  { mark: '{/}', about: 'without its folder', of: nameOf },
  { mark: '{//}', about: 'its folder', of: folderOf },
  { mark: '{/.}', about: 'without folder and extension', of: item => withoutExtension(nameOf(item)) },
  { mark: '{#}', about: 'its number, from 1', of: (_, n) => String(n) },
];

export const MARKS_TEXT = MARKS.map(({ mark, about }) => `${mark} ${about}`).join(', ');

const ANY = /\{(?:\/\/|\/\.|[./#])?\}/g;

/** `words` with the item in place of what stands for it; behind them where nothing does. No shell is to read it. */
export function commandOf(words: readonly string[], item: string, n: number): string[] {
  const filled = words.map(word => filledIn(word, item, n, value => value));
  return words.some(hasMark) ? filled : [...filled, item];
}

/** The same as a line for sh, in which an item is one word whatever is in it. Without words the item is the line. */
export function shellLineOf(words: readonly string[], item: string, n: number): string {
  if (words.length === 0) return item;
  const line = words.join(' ');
  return hasMark(line) ? filledIn(line, item, n, quoted) : `${line} ${quoted(item)}`;
}

/** A mark that stands inside of quotes of the shell, where a quoted item would be no word any more; null: none does. */
export function markInQuotes(words: readonly string[]): string | null {
  const line = words.join(' ');
  let quote = '';
  for (let i = 0; i < line.length; i++) {
    const c = line[i]!;
    if (c === '\\' && quote !== "'") i += 1;
    else if (quote === '' && (c === "'" || c === '"')) quote = c;
    else if (c === quote) quote = '';
    else if (c === '{' && quote !== '') {
      ANY.lastIndex = i;
      const found = ANY.exec(line);
      if (found?.index === i) return found[0];
    }
  }
  return null;
}

const hasMark = (text: string) => text.search(ANY) >= 0;

const filledIn = (text: string, item: string, n: number, shown: (value: string) => string) =>
  text.replaceAll(ANY, found => shown(MARKS.find(({ mark }) => mark === found)!.of(item, n)));

/** Bytes that are no UTF-8 as they are: `$'…'` is not known to every sh. */
const quoted = (value: string) =>
  value.isWellFormed() ? shellWord(value) : `'${value.replaceAll("'", "'\\''")}'`;

function withoutExtension(path: string): string {
  return path.replace(/\.[^/.]*$/, '');
}

function nameOf(path: string): string {
  return path.slice(path.lastIndexOf('/') + 1);
}

/** As dirname(1). */
function folderOf(path: string): string {
  const end = path.replace(/\/+$/, '').lastIndexOf('/');
  if (end < 0) return path.startsWith('/') ? '/' : '.';
  return path.slice(0, end).replace(/\/+$/, '') || '/';
}
