/** What a session is told in: few kinds of entries, each bounded and safe to show. Used by the readers beside. Pure. */
import { stripVTControlCharacters } from 'node:util';
import { type Json, list, object, text } from '../../util/json.ts';
import { cleanText, oneLine } from '../plain-text.ts';

/**
 * said: words of the agent. chunk: a piece of them, which goes on where the last one ended. tool: what it does. failed:
 * what went wrong. note: about the session itself.
 */
export interface Entry {
  kind: 'said' | 'chunk' | 'tool' | 'failed' | 'note';
  text: string;
  /** RFC 3339; null: the program does not say. */
  t: string | null;
}

/** What an event comes to: nothing that a person has to see is an empty list. null: not known, shown as it is. */
export type ReadEvent = (event: Json) => Entry[] | null;

const MAX_SAID = 20_000;
const MAX_TOOL = 200;
const MAX_FAILED = 400;
const MAX_PLAIN = 4000;

const timeOf = (event: Json): string | null => {
  const { timestamp, emittedAtMs } = event;
  if (typeof timestamp === 'string' && !Number.isNaN(Date.parse(timestamp))) return timestamp;
  const ms = typeof timestamp === 'number' ? timestamp : emittedAtMs;
  return typeof ms === 'number' && Math.abs(ms) < 8.64e15 ? new Date(ms).toISOString() : null;
};

export const said = (event: Json, words: unknown): Entry[] => entry('said', event, cleanText(full(words)));
export const chunk = (event: Json, words: unknown): Entry[] => entry('chunk', event, cleanText(full(words)));
export const failed = (event: Json, what: unknown): Entry[] =>
  entry('failed', event, oneLine(full(what), MAX_FAILED));
export const note = (event: Json, what: string): Entry[] => entry('note', event, oneLine(what, MAX_FAILED));

/** A tool with what it is used on, in one line. */
export function tool(event: Json, name: unknown, args?: unknown): Entry[] {
  const named = text(name) ?? 'a tool';
  const on = argument(args);
  // Some programs name a call after what it is used on.
  const words = on === '' || named.includes(on) ? named : `${named}: ${on}`;
  return entry('tool', event, oneLine(words, MAX_TOOL));
}

function entry(kind: Entry['kind'], event: Json, words: string): Entry[] {
  return words === '' ? [] : [{ kind, text: words, t: timeOf(event) }];
}

/** Of a text that is not shown in full. */
export const sizeText = (chars: number): string =>
  chars >= 1024 * 1024 ? `${(chars / 1024 / 1024).toFixed(1)} MiB` : `${Math.ceil(chars / 1024)} KiB`;

/** Words of a program that are no event: without what a terminal would obey, and folded where they are long. */
export function plain(line: string): string {
  const text = line.includes('\u001b') ? stripVTControlCharacters(line) : line;
  if (text.length <= MAX_PLAIN) return text;
  return `${text.slice(0, MAX_PLAIN)}… (${sizeText(text.length)} in all; with --raw it is whole)`;
}

const full = (words: unknown) => (typeof words === 'string' ? words.slice(0, MAX_SAID) : '');

/** Names under which tools take what matters most, in this order. */
const TELLING = [
  ...['command', 'cmd', 'file_path', 'filePath', 'path', 'notebook_path', 'absolute_path', 'dir_path'],
  ...['pattern', 'query', 'url', 'description', 'prompt'],
];

function argument(args: unknown): string {
  if (typeof args === 'string') return args;
  const given = object(args);
  if (given === null) return '';
  for (const name of TELLING) {
    const value = given[name];
    if (text(value) !== null) return value as string;
    // A command as its words.
    const words = list(value).filter(word => typeof word === 'string');
    if (words.length > 0) return words.join(' ');
  }
  return Object.keys(given).length === 0 ? '' : JSON.stringify(given).slice(0, MAX_TOOL * 2);
}

/** What an answer of a tool says first; content comes as text or as parts. */
export function answerText(content: unknown): string {
  if (typeof content === 'string') return content;
  return list(content)
    .map(part => text(object(part)?.text) ?? '')
    .join(' ');
}

/** `input 6000, output 80 tokens`, as far as they are numbers. */
export function usageText(input: unknown, output: unknown): string | null {
  return typeof input === 'number' && typeof output === 'number'
    ? `${input} tokens read, ${output} written`
    : null;
}

export const dollars = (usd: unknown): string | null =>
  typeof usd === 'number' && Number.isFinite(usd) ? `$${usd.toFixed(2)}` : null;

export const joined = (...parts: (string | null)[]): string => parts.filter(part => part !== null).join(', ');
