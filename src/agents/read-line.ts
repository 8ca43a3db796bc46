/**
 * A line of the output of a session: an event, or words. The output holds both channels of the program: a line that is
 * no JSON is from its error channel, since in these modes its standard output is JSON alone. What tools print is inside
 * of events.
 */
import { stripVTControlCharacters } from 'node:util';
import { type Json, object, text } from './json.ts';
import type { ReadEvent, SessionEvent } from './session-event.ts';
import { OWN, type SessionLine } from './session-lines.ts';

/** What a program is taken to have said in one line. */
export type ReadLine =
  | { kind: 'empty' }
  /** Of the error channel. */
  | { kind: 'words'; words: string }
  /** Should have been an event: torn, or of no type. */
  | { kind: 'unreadable' }
  | { kind: 'events'; event: Json; events: SessionEvent[] };

export function readLine(line: string, read: ReadEvent): ReadLine {
  // Programs colour their error channel, also where nobody looks.
  const trimmed = (line.includes('\u001b') ? stripVTControlCharacters(line) : line).trim();
  if (trimmed === '') return { kind: 'empty' };
  if (!trimmed.startsWith('{')) return { kind: 'words', words: trimmed };
  const event = parse(trimmed);
  if (event === null || nameOf(event) === null) return { kind: 'unreadable' };
  const type = text(event.type);
  const events: SessionEvent[] = type?.startsWith(OWN)
    ? [{ kind: 'own', type: type as SessionLine['type'], said: event }]
    : read(event);
  return { kind: 'events', event, events };
}

/** JSON-RPC has methods in the place of types; what is neither is a response. null: it is no event. */
export const nameOf = (event: Json): string | null =>
  text(event.type) ?? text(event.method) ?? (isResponse(event) ? 'response' : null);

const isResponse = (event: Json): boolean => 'id' in event && ('result' in event || 'error' in event);

/** @param quiet its name says that it is nothing for people. */
export const unknownEvent = (name: string | null, quiet = false): SessionEvent[] => [
  { kind: 'unknown', name: name ?? '', quiet },
];

function parse(line: string): Json | null {
  try {
    return object(JSON.parse(line));
  } catch {
    return null;
  }
}
