/**
 * The ways in which programs print a value: each is undone here, so that a value is found as it is. A value may be in any
 * of the readings of a text, and in more than one. Pure; texts are bytes (latin1).
 */
import { type Derived, derive, lastAtOrBefore, original, without } from './derived-text.ts';

export interface Readings {
  /** Values stand in these as they are, without their line ends. */
  plain: Derived[];
  /** Without quotes and backslashes, in which quoting of shells, JSON and YAML differ. */
  bare: Derived[];
  /** With every escape undone, those that a value has of itself as well: as `canonicalValue` has it. */
  canonical: Derived[];
  /** As `bare`, with both alphabets of base64 as one. */
  base64: Derived[];
  /** Hexadecimal digits in lower case, without what separates bytes. */
  hex(): Derived;
}

/** Line ends, and colours: `grep` marks what it found, `fold` and base64 break lines. */
const BREAKS = /\r?\n|\x1b\[[0-9;:?]*[A-Za-z]/g;

/**
 * Percent encoding, the escapes of C, JSON and $'…', entities of HTML. Escapes within escapes (JSON in JSON, %25) are
 * undone round by round.
 */
const ESCAPES =
  /%[0-9A-Fa-f]{2}|\\(?:x[0-9A-Fa-f]{2}|u[0-9A-Fa-f]{4}|u\{[0-9A-Fa-f]{1,6}\}|[0-3][0-7]{2}|[abefnrtv0]|[^\w\r\n])|&(?:#x[0-9A-Fa-f]{1,6}|#[0-9]{1,7}|amp|lt|gt|quot|apos);/g;
const ROUNDS = 3;
const ENTITIES: Readonly<Record<string, string>> = { amp: '&', lt: '<', gt: '>', quot: '"', apos: "'" };
/** A line end is dropped in every reading. */
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
  const readings: Omit<Readings, 'hex'> = { plain: [], bare: [], canonical: [], base64: [] };
  for (const one of [whole, ...pieces(whole)]) {
    const rounds = unescapedRounds(without(one, BREAKS));
    const bare = rounds.map(read => without(read, QUOTING));
    readings.plain.push(...rounds);
    readings.bare.push(...bare);
    readings.canonical.push(derive(bare.at(-1)!, FORM_BLANK, ' '));
    readings.base64.push(...bare.map(read => derive(read, SECOND_ALPHABET, c => (c === '-' ? '+' : '/'))));
  }
  return { ...readings, hex: () => derive(without(whole, BETWEEN_BYTES), /[A-F]/g, c => c.toLowerCase()) };
}

/** The text, and what is left of it after each round of undoing its escapes. */
function unescapedRounds(first: Derived): Derived[] {
  const rounds = [first];
  for (let round = 0; round < ROUNDS; round++) {
    const next = derive(rounds.at(-1)!, ESCAPES, unescaped);
    if (next === rounds.at(-1)) break;
    // What was escaped may be a colour.
    rounds.push(next.text.includes('\x1b') ? without(next, BREAKS) : next);
  }
  return rounds;
}

/** As the readings without quoting have a value. */
export const bareValue = (value: string) => value.replace(QUOTING, '');

/** As the canonical readings have a value. */
export const canonicalValue = (value: string) =>
  bareValue(unescapedRounds(original(value)).at(-1)!.text).replace(FORM_BLANK, ' ');

/** The words of several events as one text. */
function pieces(whole: Derived): Derived[] {
  if (!whole.text.includes('\n')) return [];
  let text = '';
  const at: number[] = [];
  const starts: number[] = [];
  for (const match of whole.text.matchAll(PIECE)) {
    const words = match[1]!;
    at.push(text.length);
    starts.push(match.index + match[0].length - 1 - words.length);
    text += words;
  }
  if (at.length < 2) return [];
  const place = (i: number) => {
    const n = lastAtOrBefore(at, i);
    return starts[n]! + (i - at[n]!);
  };
  return [{ text, start: place, end: i => place(i) + 1 }];
}

function unescaped(found: string): string {
  if (found[0] === '%') return byte(Number.parseInt(found.slice(1), 16));
  if (found[0] === '&') {
    if (found[1] !== '#') return ENTITIES[found.slice(1, -1)]!;
    const hex = found[2] === 'x';
    return utf8(Number.parseInt(found.slice(hex ? 3 : 2, -1), hex ? 16 : 10));
  }
  if (found.length === 2) return LETTERS[found[1]!] ?? found[1]!;
  if (found[1] === 'x') return byte(Number.parseInt(found.slice(2), 16));
  if (found[1] === 'u') return utf8(Number.parseInt(found.replace(/[^0-9A-Fa-f]/g, ''), 16));
  return byte(Number.parseInt(found.slice(1), 8));
}

const byte = (code: number) => (code === 10 || code === 13 ? '' : String.fromCharCode(code));
const utf8 = (code: number) =>
  code < 128 ? byte(code) : code > 0x10ffff ? '' : Buffer.from(String.fromCodePoint(code)).toString('latin1');
