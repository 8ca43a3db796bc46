/**
 * Text to roff. Two marks are known in every text: `code` (bold, literal) and <<NAME>> (italic, a word to be replaced).
 * The result is ASCII, so that every man of the last thirty years shows it; nothing in it is taken for a request.
 */

/** Longest input line; mandoc's lint asks for no more than 80. */
const MAX_LINE = 78;

/** Characters that have a name in both groff and mandoc; all others become \[uXXXX]. */
const NAMED: Readonly<Record<string, string>> = {
  '\\': '\\(rs',
  '’': '\\(cq',
  '‘': '\\(oq',
  '“': '\\(lq',
  '”': '\\(rq',
  '–': '\\(en',
  '—': '\\(em',
  '→': '\\(->',
  '·': '\\(pc',
  '…': '...',
};
/** In literal text these must stay what they are when somebody copies them from the page. */
const LITERAL: Readonly<Record<string, string>> = {
  '-': '\\-',
  "'": '\\(aq',
  '`': '\\(ga',
  '^': '\\(ha',
  '~': '\\(ti',
};
const MARK = /`([^`]+)`|<<([^<>]+)>>/g;
/** A word that is an option, a path, a name with a number behind it: its hyphens are literal, too. */
const TECHNICAL = /^["'([]*-|[/_=\\]|\.\w|\(\d\)/;

/** Literal text: a command, a line of an example. */
export function literal(text: string): string {
  return [...text].map(char => LITERAL[char] ?? plain(char)).join('');
}

/** A text with marks, in one line. */
export function inline(text: string): string {
  let result = '';
  let at = 0;
  for (const match of text.matchAll(MARK)) {
    result += prose(text.slice(at, match.index));
    result += match[1] === undefined ? `\\fI${literal(match[2]!)}\\fP` : `\\fB${literal(match[1])}\\fP`;
    at = match.index + match[0].length;
  }
  return result + prose(text.slice(at));
}

/** A text with marks as input lines: each sentence on lines of its own, none too long, none a request. */
export function lines(text: string): string[] {
  return text
    .trim()
    .split(/(?<=[.!?])\s+(?=[A-Z"`<(])/)
    .flatMap(sentence => wrap(inline(sentence)))
    .map(guard);
}

/** A line that begins as a request would is made text. */
export function guard(line: string): string {
  return /^[.']/.test(line) ? `\\&${line}` : line;
}

function prose(text: string): string {
  return text
    .split(/(\s+)/)
    .map(word => (TECHNICAL.test(word) ? literal(word) : [...word].map(plain).join('')))
    .join('');
}

function plain(char: string): string {
  const code = char.codePointAt(0)!;
  return NAMED[char] ?? (code < 128 ? char : `\\[u${code.toString(16).toUpperCase().padStart(4, '0')}]`);
}

function wrap(text: string): string[] {
  const result: string[] = [];
  for (const word of text.split(/\s+/)) {
    const line = result.at(-1);
    if (line === undefined || line.length + 1 + word.length > MAX_LINE) result.push(word);
    else result[result.length - 1] = `${line} ${word}`;
  }
  return result;
}
