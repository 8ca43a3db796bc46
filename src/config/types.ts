/**
 * The kinds of values that a key can have: how one is read from a node, how it is named in messages and man pages,
 * and its JSON Schema. Both tables of keys (config, plan) are written in these kinds.
 */

import { MAX_SECONDS, parseDuration, parseSize } from '../util/units.ts';
import { found, isNothing, type Node } from './node.ts';
import type { Place } from './problems.ts';

export type JsonSchema = { [key: string]: unknown };

/**
 * Takes a problem at a place; `suggestion` is the text that would be right, if it is known, `inner` the path below
 * the key that is being read.
 */
export type Report = (at: Place, message: string, suggestion?: string | null, inner?: string) => void;

export interface ValueType<T> {
  /** Completes "wanted …" in messages; also the type in the man page. */
  wanted: string;
  /** The value, or undefined after a report. */
  read(node: Node, report: Report): T | undefined;
  schema: JsonSchema;
  /** A group whose command this is may be written as just the list. */
  list?: boolean;
}

const MAX_ITEM_CHARS = 64 * 1024;
const MAX_WORDS = 100_000;

function simple<T>(wanted: string, schema: JsonSchema, take: (node: Node) => T | undefined): ValueType<T> {
  return {
    wanted,
    schema,
    read(node, report) {
      const value = take(node);
      if (value === undefined) report(node, `found ${found(node)}, wanted ${wanted}`);
      return value;
    },
  };
}

export const bool = (): ValueType<boolean> => ({
  wanted: 'true or false',
  schema: { type: 'boolean' },
  read(node, report) {
    if (node.kind === 'scalar' && typeof node.value === 'boolean') return node.value;
    const word = node.kind === 'scalar' ? node.text.toLowerCase() : '';
    const meant = ['yes', 'on'].includes(word) ? 'true' : ['no', 'off'].includes(word) ? 'false' : null;
    const hint = meant ? `; did you mean ${meant}?` : '';
    report(node, `found ${found(node)}, wanted true or false${hint}`, meant);
    return undefined;
  },
});

/** A setting that rasen fixes; it may be written, but only with this value. */
export const fixed = (only: boolean, why: string): ValueType<boolean> => ({
  wanted: `${only} (${why})`,
  schema: { const: only },
  read(node, report) {
    if (node.kind === 'scalar' && node.value === only) return only;
    report(node, `found ${found(node)}, but only ${only} is possible: ${why}`, String(only));
    return undefined;
  },
});

export const int = (min: number, max: number): ValueType<number> =>
  simple(`a whole number from ${min} to ${max}`, { type: 'integer', minimum: min, maximum: max }, node =>
    node.kind === 'scalar' && Number.isInteger(node.value) && between(node.value as number, min, max)
      ? (node.value as number)
      : undefined,
  );

export const number = (min: number, max: number): ValueType<number> =>
  simple(`a number from ${min} to ${max}`, { type: 'number', minimum: min, maximum: max }, node =>
    node.kind === 'scalar' && typeof node.value === 'number' && between(node.value, min, max)
      ? node.value
      : undefined,
  );

const between = (value: number, min: number, max: number) => value >= min && value <= max;

/** Seconds as a number, or a text with units. `zero`: 0 is a sensible value (a pause), not an instant timeout. */
export const duration = (zero = false): ValueType<number> =>
  simple(
    `seconds${zero ? '' : ' (more than 0)'} or a duration such as 90s, 10m, 1h30m, 2d`,
    {
      anyOf: [
        { type: 'number', [zero ? 'minimum' : 'exclusiveMinimum']: 0, maximum: MAX_SECONDS },
        {
          type: 'string',
          pattern:
            '^[0-9]+(\\.[0-9]+)?$|^([0-9.]+[dD])?\\s*([0-9.]+[hH])?\\s*([0-9.]+[mM])?\\s*([0-9.]+[sS])?$',
        },
      ],
    },
    node => {
      if (node.kind !== 'scalar') return undefined;
      const seconds = typeof node.value === 'string' ? parseDuration(node.value) : node.value;
      if (typeof seconds !== 'number' || !between(seconds, 0, MAX_SECONDS)) return undefined;
      return seconds === 0 && !zero ? undefined : seconds;
    },
  );

/** Bytes as a number, or a text with k, m, g or t, and perhaps a b behind it. */
export const size = (min: number, max: number): ValueType<number> =>
  simple(
    `bytes or a size such as 512kb, 10mb, 2G, at least ${min} bytes`,
    {
      anyOf: [
        { type: 'integer', minimum: min, maximum: max },
        { type: 'string', pattern: '^[0-9]+(\\.[0-9]+)?\\s*([bB]|[kKmMgGtT]([iI]?[bB])?)?$' },
      ],
    },
    node => {
      if (node.kind !== 'scalar') return undefined;
      const bytes = typeof node.value === 'string' ? parseSize(node.value) : node.value;
      return typeof bytes === 'number' && Number.isInteger(bytes) && between(bytes, min, max)
        ? bytes
        : undefined;
    },
  );

/** Text of a scalar where text is wanted: a number or a word like true counts as it was written. */
function textOf(node: Node): string | undefined {
  if (node.kind !== 'scalar' || node.value === null) return undefined;
  return typeof node.value === 'string' ? node.value : node.text;
}

export const text = (max: number, what = 'text', min = 1): ValueType<string> =>
  simple(
    max < MAX_ITEM_CHARS ? `${what} of ${min} to ${max} characters` : what,
    { type: 'string', minLength: min, maxLength: max },
    node => {
      const value = textOf(node);
      return value !== undefined && value.length <= max && value.trim().length >= min ? value : undefined;
    },
  );

export const oneOf = <const T extends readonly string[]>(...words: T): ValueType<T[number]> =>
  simple(words.map(w => JSON.stringify(w)).join(' or '), { enum: [...words] }, node => {
    const value = textOf(node);
    return value !== undefined && words.includes(value) ? value : undefined;
  });

/** A path below a folder: relative, and not out of it again. */
export const insidePath = (what: string): ValueType<string> =>
  simple(`a relative path inside ${what}`, { type: 'string', minLength: 1, maxLength: 4096 }, node => {
    const value = textOf(node);
    if (!value || value.length > 4096 || value.startsWith('/')) return undefined;
    return value.split('/').includes('..') ? undefined : value;
  });

/** Adds null: "none", in the words of the key. */
export function nullable<T>(type: ValueType<T>, meaning: string): ValueType<T | null> {
  return {
    wanted: `${type.wanted}, or null (${meaning})`,
    schema: { anyOf: [type.schema, { type: 'null' }] },
    ...(type.list ? { list: true } : {}),
    read(node, report) {
      if (isNothing(node)) return null;
      return type.read(node, (at, message, ...more) => {
        const ends = message.endsWith(`wanted ${type.wanted}`);
        report(at, ends ? `${message}, or null (${meaning})` : message, ...more);
      });
    },
  };
}

/** A list of one kind of values; problems are at the item. */
export function listOf<T>(item: ValueType<T>, max: number, what: string): ValueType<T[]> {
  return {
    wanted: what,
    schema: { type: 'array', items: item.schema, maxItems: max },
    read(node, report) {
      if (node.kind !== 'list') {
        report(node, `found ${found(node)}, wanted ${what}`);
        return undefined;
      }
      if (node.items.length > max) {
        report(node, `has ${node.items.length} items; at most ${max} are possible`);
        return undefined;
      }
      const values = node.items.map(child => item.read(child, report));
      return values.includes(undefined) ? undefined : (values as T[]);
    },
  };
}

/** A list, or one value in place of a list of one. */
export function oneOrMore<T>(item: ValueType<T>, max: number, what: string): ValueType<T[]> {
  const list = listOf(item, max, what);
  return {
    wanted: what,
    schema: { anyOf: [item.schema, list.schema] },
    read(node, report) {
      if (node.kind !== 'scalar' || isNothing(node)) return list.read(node, report);
      const value = item.read(node, report);
      return value === undefined ? undefined : [value];
    },
  };
}

const word = text(MAX_ITEM_CHARS, 'a word of a command', 0);

/** Program and arguments. A text is refused with the list it probably stands for: there is no shell in between. */
export const argv = (): ValueType<string[]> => {
  const list = listOf(word, MAX_WORDS, 'a list of words such as [npm, test]');
  return {
    wanted: list.wanted,
    schema: { type: 'array', items: { type: 'string' }, minItems: 1, maxItems: MAX_WORDS },
    list: true,
    read(node, report) {
      const value = textOf(node);
      if (value !== undefined) {
        const words = /^[\w@%+=:,./ -]{1,200}$/.test(value) ? value.trim().split(/ +/) : null;
        const meant = words && words[0] !== '' ? `[${words.join(', ')}]` : null;
        const hint = meant ? `; did you mean ${meant}?` : '';
        report(node, `found ${found(node)}, wanted ${list.wanted}${hint}`, meant);
        return undefined;
      }
      const words = list.read(node, report);
      if (words && (words.length === 0 || words[0]!.trim() === '')) {
        report(node, 'names no program');
        return undefined;
      }
      return words;
    },
  };
};
