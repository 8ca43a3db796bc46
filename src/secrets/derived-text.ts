/**
 * A text as another reading of it: without its line ends, with its escapes undone. Each reading knows where its characters
 * stand in the text that it was made of, so what is found in it can be replaced there. Pure; texts are bytes (latin1).
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

/** What `pattern` (global) finds in `from` is read as what `instead` gives; the same object where it finds nothing. */
export function derive(from: Derived, pattern: RegExp, instead: (match: RegExpExecArray) => string): Derived {
  const { text } = from;
  /** Of each replacement: where it stands in the new text and how long it is, and what it stands for. */
  const at: number[] = [];
  const length: number[] = [];
  const parent_start: number[] = [];
  const parent_end: number[] = [];
  let made = '';
  let done = 0;
  pattern.lastIndex = 0;
  for (let match = pattern.exec(text); match !== null; match = pattern.exec(text)) {
    const put = instead(match);
    made += text.slice(done, match.index);
    at.push(made.length);
    length.push(put.length);
    parent_start.push(match.index);
    done = match.index + match[0].length;
    parent_end.push(done);
    made += put;
  }
  if (at.length === 0) return from;
  made += text.slice(done);
  /** The last replacement that begins at `i` or before; -1: none. */
  const before = (i: number) => {
    let low = 0;
    let high = at.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if (at[middle]! <= i) low = middle + 1;
      else high = middle;
    }
    return low - 1;
  };
  /** First and last character of the parent that the character at `i` stands for. */
  const parent = (i: number): [number, number] => {
    const n = before(i);
    if (n < 0) return [i, i];
    const beyond = i - at[n]! - length[n]!;
    return beyond < 0
      ? [parent_start[n]!, parent_end[n]! - 1]
      : [parent_end[n]! + beyond, parent_end[n]! + beyond];
  };
  return { text: made, start: i => from.start(parent(i)[0]), end: i => from.end(parent(i)[1]) };
}
