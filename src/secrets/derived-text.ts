/**
 * A text as another reading of it: without its line ends, with its escapes undone. Each reading knows where its characters
 * stand in the text that it was made of, so what is found in it can be replaced there; that is worked out when it is first
 * asked for, since mostly nothing is found. Pure; texts are bytes (latin1).
 */

export interface Derived {
  readonly text: string;
  /** Place in the original of the character at `i`. */
  start(i: number): number;
  /** Place behind it there. */
  end(i: number): number;
}

export function original(text: string): Derived {
  return { text, start: i => i, end: i => i + 1 };
}

/** What `pattern` (global, without groups) finds in `from` is read as what `instead` gives of it. */
export function derive(from: Derived, pattern: RegExp, instead: Instead): Derived {
  // With a text in place of a function it is ten times as fast.
  const text =
    typeof instead === 'string' ? from.text.replace(pattern, instead) : from.text.replace(pattern, instead);
  if (text === from.text) return from;
  let places: Places | undefined;
  const parent = (i: number): readonly [first: number, last: number] => {
    places ??= placesOf(from.text, pattern, instead);
    return parentOf(places, i);
  };
  return { text, start: i => from.start(parent(i)[0]), end: i => from.end(parent(i)[1]) };
}

/** Without what `pattern` finds. */
export const without = (from: Derived, pattern: RegExp): Derived => derive(from, pattern, '');

type Instead = '' | ' ' | ((found: string) => string);

/** Of each replacement: where it stands in the new text, how long it is there, and what it stands for. */
interface Places {
  at: number[];
  length: number[];
  from: number[];
  to: number[];
}

function placesOf(text: string, pattern: RegExp, instead: Instead): Places {
  const places: Places = { at: [], length: [], from: [], to: [] };
  let shift = 0;
  for (const match of text.matchAll(pattern)) {
    const put = typeof instead === 'string' ? instead : instead(match[0]);
    places.at.push(match.index + shift);
    places.length.push(put.length);
    places.from.push(match.index);
    places.to.push(match.index + match[0].length);
    shift += put.length - match[0].length;
  }
  return places;
}

/** First and last character of the parent that the character at `i` stands for. */
function parentOf({ at, length, from, to }: Places, i: number): readonly [number, number] {
  const n = lastAtOrBefore(at, i);
  if (n < 0) return [i, i];
  const beyond = i - at[n]! - length[n]!;
  return beyond < 0 ? [from[n]!, to[n]! - 1] : [to[n]! + beyond, to[n]! + beyond];
}

/** Index of the last of ascending numbers that is `i` or less; -1: none. */
export function lastAtOrBefore(numbers: readonly number[], i: number): number {
  let low = 0;
  let high = numbers.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if (numbers[middle]! <= i) low = middle + 1;
    else high = middle;
  }
  return low - 1;
}
