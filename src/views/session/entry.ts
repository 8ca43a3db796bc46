/** What a session is told in: few kinds of entries, each bounded and safe to show. Pure. */
import { stripVTControlCharacters } from 'node:util';
import { type Json, list, object, text } from '../../agents/json.ts';
import type { ShownTool } from '../../agents/session-event.ts';
import { cleanText, oneLine } from '../plain-text.ts';

/**
 * said: words of the agent. chunk: a piece of them, which goes on where the last one ended. tool: what it does. failed:
 * what went wrong. note: about the session itself.
 */
export interface Entry {
  kind: 'said' | 'chunk' | 'tool' | 'failed' | 'note';
  text: string;
}

const MAX_SAID = 20_000;
const MAX_TOOL = 200;
const MAX_FAILED = 400;
const MAX_PLAIN = 4000;

/** RFC 3339; null: the program does not say when. */
export const timeOf = (event: Json): string | null => {
  const { timestamp, emittedAtMs } = event;
  if (typeof timestamp === 'string' && !Number.isNaN(Date.parse(timestamp))) return timestamp;
  const ms = typeof timestamp === 'number' ? timestamp : emittedAtMs;
  return typeof ms === 'number' && Math.abs(ms) < 8.64e15 ? new Date(ms).toISOString() : null;
};

export const said = (words: string): Entry[] => entry('said', cleanText(words.slice(0, MAX_SAID)));
export const chunk = (words: string): Entry[] => entry('chunk', cleanText(words.slice(0, MAX_SAID)));
export const failed = (words: string | null): Entry[] =>
  entry('failed', oneLine((words ?? '').slice(0, MAX_SAID), MAX_FAILED));
export const note = (words: string | null): Entry[] => entry('note', oneLine(words ?? '', MAX_FAILED));

/** A tool with what it is used on, in one line. */
export function tool(shown: ShownTool | null): Entry[] {
  if (shown === null) return [];
  const name = text(shown.name) ?? 'a tool';
  const on = argument(shown.on);
  // Some programs name a call after what it is used on.
  const words = on === '' || name.includes(on) ? name : `${name}: ${on}`;
  return entry('tool', oneLine(words, MAX_TOOL));
}

function entry(kind: Entry['kind'], words: string): Entry[] {
  return words === '' ? [] : [{ kind, text: words }];
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
