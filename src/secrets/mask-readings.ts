/**
 * The ways in which programs print a value: each is undone here, so that a value is found as it is. A value may be in any
 * of the readings of a text, and in more than one. Pure; texts are bytes (latin1).
 */
import { type Derived, derive, original } from './derived-text.ts';

export interface Readings {
  /** Values stand in these as they are, without their line ends. */
  plain: Derived[];
  /** Without quotes and backslashes, in which quoting of shells, JSON and YAML differ; base64 in its first alphabet. */
  bare: Derived[];
  /** With every escape undone, those that a value has of itself as well: as `canonical` has it. */
  canonical: Derived[];
  /** Hexadecimal digits in lower case, without what separates bytes. */
  hex(): Derived;
}

/** Line ends, and colours: `grep` marks what it found, `fold` and base64 break lines. */
const BREAKS = /\r?\n|\u001b\[[0-9;:?]*[A-Za-z]/g;

/**
 * Percent encoding, the escapes of C, JSON and $'…', entities of HTML. Escapes within escapes
 * (JSON in JSON, %25) are undone round by round.
 */
const ESCAPES =
  /%([0-9A-Fa-f]{2})|\\(?:x([0-9A-Fa-f]{2})|u([0-9A-Fa-f]{4})|u\{([0-9A-Fa-f]{1,6})\}|([0-3][0-7]{2})|([abefnrtv0])|([^\w\r\n]))|&(?:#x([0-9A-Fa-f]{1,6})|#([0-9]{1,7})|(amp|lt|gt|quot|apos));/g;
const ROUNDS = 3;
const ENTITIES: Readonly<Record<string, string>> = { amp: '&', lt: '<', gt: '>', quot: '"', apos: "'" };
/** A line end is dropped in every reading; the rest stands for itself. */
const LETTERS: Readonly<Record<string, string>> = {
  n: '',
  r: '',
  t: '\t',
  e: '\x1b',
  a: '\x07',
  b: '\b',
  f: '\f',
  v: '\v',
  0: '\0',
};

const QUOTING = /['"`\\]|\$(?=')/g;
/** Forms write a blank so. */
const FORM_BLANK = /\+/g;
const SECOND_ALPHABET = /[-_]/g;

/** The strings of a stream of events in which agents say their words piece by piece. */
const PIECE = /"(?:text|delta|thinking|content|partial_json)":\s*"((?:[^"\\]|\\.)*)"/g;

/** What stands between two bytes of a dump, with the column of text and the address of the next line. */
const BETWEEN_BYTES =
  /[ \t]{2,}\|?[^\n]{0,18}\r?\n[0-9A-Fa-f]{6,10}:?[ \t]{1,3}|0[xX](?=[0-9A-Fa-f]{2})|[\s:,;-]+/g;

export function readingsOf(text: string): Readings {
  const whole = original(text);
  const plain: Derived[] = [];
  const bare: Derived[] = [];
  const canonical: Derived[] = [];
  for (const one of [whole, ...pieces(whole)]) {
    const rounds = unescapedRounds(derive(one, BREAKS, () => ''));
    const unquoted = rounds.map(read => derive(read, QUOTING, () => ''));
    plain.push(...rounds);
    bare.push(...unquoted);
    canonical.push(derive(unquoted.at(-1)!, FORM_BLANK, () => ' '));
  }
  return {
    plain,
    bare,
    canonical,
    hex: () =>
      derive(
        derive(whole, BETWEEN_BYTES, () => ''),
        /[A-F]/g,
        ([c]) => c!.toLowerCase(),
      ),
  };
}

/** The text, and what is left of it after each round of undoing its escapes. */
function unescapedRounds(first: Derived): Derived[] {
  const rounds = [first];
  for (let round = 0; round < ROUNDS; round++) {
    const next = derive(rounds.at(-1)!, ESCAPES, unescaped);
    if (next === rounds.at(-1)) break;
    // What was escaped may be a colour.
    rounds.push(derive(next, BREAKS, () => ''));
  }
  return rounds;
}

/** As the readings without quoting have a value. */
export const bareValue = (value: string) => value.replace(QUOTING, '');

/** As the canonical readings have a value. */
export const canonicalValue = (value: string) =>
  bareValue(unescapedRounds(original(value)).at(-1)!.text).replace(FORM_BLANK, ' ');

/** For base64, in which two characters have two spellings. */
export const oneAlphabet = (text: string) => text.replace(SECOND_ALPHABET, c => (c === '-' ? '+' : '/'));

/** The words of several events as one text. */
function pieces(whole: Derived): Derived[] {
  const found = [...whole.text.matchAll(PIECE)];
  if (found.length < 2) return [];
  let text = '';
  const starts: number[] = [];
  const at: number[] = [];
  for (const match of found) {
    const words = match[1]!;
    at.push(text.length);
    starts.push(match.index + match[0].length - 1 - words.length);
    text += words;
  }
  const place = (i: number) => {
    let n = at.length - 1;
    let low = 0;
    while (low < n) {
      const middle = (low + n + 1) >>> 1;
      if (at[middle]! <= i) low = middle;
      else n = middle - 1;
    }
    return starts[n]! + (i - at[n]!);
  };
  return [{ text, start: place, end: i => place(i) + 1 }];
}

function unescaped(match: RegExpExecArray): string {
  const [, percent, hex, u, braced, octal, letter, other, entity_hex, entity, named] = match;
  const byte = percent ?? hex;
  if (byte !== undefined) return withoutBreak(String.fromCharCode(Number.parseInt(byte, 16)));
  if (octal !== undefined) return withoutBreak(String.fromCharCode(Number.parseInt(octal, 8)));
  if (letter !== undefined) return LETTERS[letter]!;
  if (other !== undefined) return other;
  if (named !== undefined) return ENTITIES[named]!;
  const code = u ?? braced ?? entity_hex;
  return utf8(code === undefined ? Number(entity) : Number.parseInt(code, 16));
}

const withoutBreak = (c: string) => (c === '\n' || c === '\r' ? '' : c);
const utf8 = (code: number) =>
  code > 0x10ffff ? '' : withoutBreak(Buffer.from(String.fromCodePoint(code)).toString('latin1'));
