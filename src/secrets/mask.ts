/**
 * Takes the values of secrets out of what is shown: `[masked: NAME]` stands in their place, however a program printed
 * them (mask-readings.ts). Pure. It finds values and not meanings: half of a value that a program cuts off on purpose, or
 * one that it encrypts, is not found.
 */

import type { Derived } from './derived-text.ts';
import { bareValue, canonicalValue, type Readings, readingsOf } from './mask-readings.ts';

/** A shorter value is a word like others: masking it would hide what it is not. */
export const MASKED_CHARS_MIN = 6;
/** Of a value of several lines (a private key), each line of this length is one. */
const LINE_CHARS_MIN = 8;
/** A longer value is looked for in pieces of this size, so that no reader waits for the whole of it. */
const PART_CHARS_MAX = 2000;
/** So much of a value at the edge of a text is taken for one that was cut there. */
const FRAGMENT_CHARS_MIN = 6;
/** How much longer than its value its longest spelling is (`\u0063`, and JSON in JSON). */
const SPELLING_FACTOR = 8;
/** What is looked at before a place of a stream: several events of an agent that says a value in pieces; and at most. */
const REACH_MIN = 4 * 1024;
const REACH_MAX = 16 * 1024;

/** Values that say nothing, in every letter case; digits alone are a number. */
const WORDS = new Set([
  'default',
  'disabled',
  'enabled',
  'example',
  'localhost',
  'master',
  'production',
  'development',
  'undefined',
]);

/** Whether a value is looked for. */
export function isMaskable(value: string): boolean {
  const text = value.trim();
  return text.length >= MASKED_CHARS_MIN && !WORDS.has(text.toLowerCase()) && new Set(text).size > 2;
}

interface Pattern {
  name: string;
  text: string;
}

/** Of base64: whether a character before or behind it has bits of the value, too. */
interface Halves {
  before: boolean;
  behind: boolean;
}

interface Span {
  start: number;
  end: number;
  name: string;
  /** Goes on with what was replaced before: nothing is put for it. */
  goes_on: boolean;
}

export interface Window {
  /** Bytes at the front that were shown before: looked at, and not given again. */
  context: number;
  /** More bytes may follow, so that the beginning of a value at the end has to wait for them. */
  more: boolean;
}

export class Mask {
  readonly #plain: Pattern[] = [];
  readonly #bare: Pattern[] = [];
  readonly #canonical: Pattern[] = [];
  readonly #base64: (Pattern & Halves)[] = [];
  readonly #hex: (Pattern & { hint: RegExp })[] = [];
  /** Bytes that the longest spelling of a value can have, as far as is looked. */
  readonly reach: number = 0;

  constructor(values: Iterable<readonly [name: string, value: string]>) {
    const seen = new Set<string>();
    for (const [name, value] of values) {
      if (!isMaskable(value)) continue;
      for (const part of partsOf(value)) {
        if (seen.has(part)) continue;
        seen.add(part);
        this.#add(name, part);
        this.reach = Math.min(REACH_MAX, Math.max(this.reach, REACH_MIN, part.length * SPELLING_FACTOR));
      }
    }
    // A value can be a part of another.
    for (const list of [this.#plain, this.#bare, this.#canonical, this.#base64, this.#hex])
      list.sort((a, b) => b.text.length - a.text.length);
  }

  get isEmpty(): boolean {
    return this.#plain.length === 0;
  }

  /** The text without values. One that is cut at the beginning or the end of the text is found, too. */
  text(text: string): string {
    if (this.isEmpty || text.length < FRAGMENT_CHARS_MIN) return text;
    // Whoever cut it said so.
    if (text.endsWith('…')) return `${this.text(text.slice(0, -1))}…`;
    const bytes = Buffer.from(text).toString('latin1');
    const readings = readingsOf(bytes);
    const spans = merged([
      ...this.#find(bytes, readings),
      ...this.#atStart(readings),
      ...this.#atEnd(bytes, readings, FRAGMENT_CHARS_MIN),
    ]);
    if (spans.length === 0) return text;
    return Buffer.from(replaced(bytes, spans, 0, bytes.length), 'latin1').toString();
  }

  /** A copy of a value of JSON in which all strings are masked; names of fields stay. */
  deep<T>(value: T): T {
    if (this.isEmpty) return value;
    if (typeof value === 'string') return this.text(value) as T;
    if (Array.isArray(value)) return value.map(item => this.deep(item)) as T;
    if (value === null || typeof value !== 'object') return value;
    return Object.fromEntries(Object.entries(value).map(([key, item]) => [key, this.deep(item)])) as T;
  }

  /**
   * A part of a stream of bytes. `taken`: how many of the new bytes are in what it gives; what may be the beginning of a
   * value waits, and is to be given again with what follows.
   */
  window(bytes: Buffer, { context, more }: Window): { bytes: Buffer; taken: number } {
    const text = bytes.toString('latin1');
    const readings = readingsOf(text);
    const found = this.#find(text, readings);
    // Behind the end of a line it takes more to be one that was broken.
    const least = more && !text.endsWith('\n') ? 1 : FRAGMENT_CHARS_MIN;
    const open = this.#atEnd(text, readings, least);
    let end = text.length;
    if (more) {
      for (const { start } of open) end = Math.min(end, start);
      // A value that ends behind what is given now waits as a whole.
      for (const { start, end: stop } of found.toSorted((a, b) => b.start - a.start))
        if (start < end && stop > end) end = start;
      end = Math.max(context, end);
    }
    const spans = merged(more ? found : [...found, ...open]);
    const given = replaced(text, spans, context, end);
    return { bytes: Buffer.from(given, 'latin1'), taken: end - context };
  }

  #add(name: string, value: string): void {
    const bytes = Buffer.from(value);
    const text = bytes.toString('latin1');
    const plain = text.replace(/[\r\n]/g, '');
    if (plain.length >= MASKED_CHARS_MIN) this.#plain.push({ name, text: plain });
    const bare = bareValue(plain);
    if (bare.length >= MASKED_CHARS_MIN) this.#bare.push({ name, text: bare });
    const canonical = canonicalValue(plain);
    if ((canonical !== bare || canonical.includes(' ')) && canonical.length >= MASKED_CHARS_MIN)
      this.#canonical.push({ name, text: canonical });
    for (const offset of [0, 1, 2]) this.#base64.push({ name, ...base64At(bytes, offset) });
    const hex = bytes.toString('hex');
    // Its first bytes, wherever a dump breaks its lines.
    const hint = new RegExp([hex.slice(0, 6), hex.slice(6, 12)].map(dumped).join('|'), 'i');
    this.#hex.push({ name, text: hex, hint });
  }

  #find(raw: string, { plain, bare, canonical, base64, hex }: Readings): Span[] {
    const spans: Span[] = [];
    const look = (readings: readonly Derived[], patterns: readonly Pattern[]) => {
      for (const read of readings)
        for (const pattern of patterns) spans.push(...occurrences(read, pattern, raw));
    };
    look(plain, this.#plain);
    look(bare, this.#bare);
    look(canonical, this.#canonical);
    for (const read of base64)
      for (const pattern of this.#base64)
        spans.push(...occurrences(read, pattern, raw).map(span => withRest(raw, span, pattern)));
    const dumps = this.#hex.filter(({ hint }) => hint.test(raw));
    if (dumps.length > 0) {
      const read = hex();
      for (const pattern of dumps)
        spans.push(...occurrences(read, pattern, raw).map(span => withColumn(raw, span)));
    }
    return spans.map(span => withBackslash(raw, span));
  }

  /** Ends of values with which the text begins. */
  #atStart({ plain, base64 }: Readings): Span[] {
    const look = (readings: readonly Derived[], patterns: readonly Pattern[]) =>
      readings.flatMap(read => patterns.flatMap(pattern => endAtStart(read, pattern)));
    return [...look(plain, this.#plain), ...look(base64, this.#base64)];
  }

  /** Beginnings of values with which the text ends; of so many characters at least. */
  #atEnd(raw: string, whole: Readings, least: number): Span[] {
    const from = Math.max(0, raw.length - this.reach);
    const { plain, bare, base64, hex } = from === 0 ? whole : readingsOf(raw.slice(from));
    const look = (readings: readonly Derived[], patterns: readonly Pattern[], chars_min: number) =>
      readings.flatMap(read => patterns.flatMap(pattern => startAtEnd(read, pattern, chars_min)));
    const found = [
      ...look(plain, this.#plain, least),
      ...look(bare, this.#bare, least),
      ...look(base64, this.#base64, least),
      // Digits are everywhere: only where there is so much of it that it can be nothing else.
      ...look([hex()], this.#hex, 2 * FRAGMENT_CHARS_MIN),
    ];
    return found.map(span => ({ ...span, start: span.start + from, end: span.end + from }));
  }
}

function endAtStart(read: Derived, { name, text }: Pattern): Span[] {
  const first = read.text.slice(0, FRAGMENT_CHARS_MIN);
  if (first.length < FRAGMENT_CHARS_MIN) return [];
  for (let at = text.indexOf(first, 1); at >= 0; at = text.indexOf(first, at + 1))
    if (read.text.startsWith(text.slice(at)))
      return [{ start: 0, end: read.end(text.length - at - 1), name, goes_on: false }];
  return [];
}

function startAtEnd(read: Derived, { name, text }: Pattern, chars_min: number): Span[] {
  const all = read.text;
  const least = Math.max(0, all.length - text.length + 1);
  for (let at = all.indexOf(text[0]!, least); at >= 0; at = all.indexOf(text[0]!, at + 1)) {
    if (all.length - at < chars_min) break;
    if (text.startsWith(all.slice(at)))
      return [{ start: read.start(at), end: read.end(all.length - 1), name, goes_on: false }];
  }
  return [];
}

/** The value, and each line of it that tells something; what is very long in pieces. */
function partsOf(value: string): string[] {
  const whole = value.trim();
  const lines = whole.split('\n').map(line => line.trim());
  const telling = lines.filter(line => line.length >= LINE_CHARS_MIN && !/^-----[A-Z ]+-----$/.test(line));
  return [...(whole.length <= PART_CHARS_MAX ? [whole] : []), ...telling.flatMap(piecesOf)];
}

const piecesOf = (line: string) => line.match(new RegExp(`.{1,${PART_CHARS_MAX}}`, 'gsu')) ?? [];

/** What is the same in the base64 of every text in which the value stands at this offset (of three). */
function base64At(value: Buffer, offset: number): { text: string } & Halves {
  const text = Buffer.concat([Buffer.alloc(offset), value]).toString('base64');
  const bits = (offset + value.length) * 8;
  return {
    text: text.slice(Math.ceil((offset * 8) / 6), Math.floor(bits / 6)),
    before: offset > 0,
    behind: bits % 6 !== 0,
  };
}

/** Hexadecimal digits as dumps write them. */
const dumped = (hex: string) => (hex.match(/../g) ?? []).join('(?:0x|[\\s:,;-])*');

function occurrences(read: Derived, { name, text }: Pattern, raw: string): Span[] {
  const spans: Span[] = [];
  for (let at = read.text.indexOf(text); at >= 0; at = read.text.indexOf(text, at + text.length))
    spans.push(...spansOf(read, at, at + text.length, name, raw));
  return spans;
}

/** Mostly one; more where a value stands in the strings of several events, whose frames stay. */
function spansOf(read: Derived, from: number, to: number, name: string, raw: string): Span[] {
  const spans: Span[] = [{ start: read.start(from), end: read.end(from), name, goes_on: false }];
  for (let i = from + 1; i < to; i++) {
    const last = spans.at(-1)!;
    const start = read.start(i);
    const between = raw.slice(last.end, start);
    if (between.includes('\n') && between.includes('":'))
      spans.push({ start, end: read.end(i), name, goes_on: true });
    else last.end = read.end(i);
  }
  return spans;
}

/** A backslash without what it stands before would take the next character, and JSON would be none. */
function withBackslash(raw: string, span: Span): Span {
  let { start } = span;
  while (start > 0 && raw[start - 1] === '\\') start--;
  return (span.start - start) % 2 === 1 ? { ...span, start: span.start - 1 } : span;
}

/** With the characters of base64 that are half of the value, and the padding. */
function withRest(raw: string, span: Span, { before, behind }: Halves): Span {
  const { start, end } = span;
  const rest = (behind ? /^[A-Za-z0-9+/_-]?={0,2}/ : /^={0,2}/).exec(raw.slice(end, end + 3))![0].length;
  const half = before && start > 0 && /[A-Za-z0-9+/_-]/.test(raw[start - 1]!) ? 1 : 0;
  return { ...span, start: start - half, end: end + rest };
}

/** With the column of text of the last line of a dump. */
function withColumn(raw: string, span: Span): Span {
  if (!raw.slice(span.start, span.end).includes('\n')) return span;
  const rest =
    /^[0-9A-Fa-f \t]{0,60}[ \t]{2}[^\n]{0,20}/.exec(raw.slice(span.end, span.end + 90))?.[0].length ?? 0;
  return { ...span, end: span.end + rest };
}

function merged(spans: Span[]): Span[] {
  const all: Span[] = [];
  for (const span of spans.sort((a, b) => a.start - b.start || b.end - a.end)) {
    const last = all.at(-1);
    if (last && span.start < last.end) last.end = Math.max(last.end, span.end);
    else all.push({ ...span });
  }
  return all;
}

/** The text from `from` to `to`. What was shown of a value before `from` was told then. */
function replaced(text: string, spans: readonly Span[], from: number, to: number): string {
  let out = '';
  let at = from;
  for (const { start, end, name, goes_on } of spans) {
    if (end <= at) continue;
    if (start >= to) break;
    out += text.slice(at, Math.max(at, start));
    if (start >= from && !goes_on) out += maskedName(name);
    at = end;
  }
  return out + text.slice(at, Math.max(at, to));
}

const maskedName = (name: string) => `[masked: ${name}]`;
