/**
 * The output of an agent's session as people read it: what it said, the tools it used with what they were used on, and
 * what went wrong, line by line while it comes. A line that is not known is given as it is. Pure.
 */

import { type Json, object, text } from '../../agents/json.ts';
import { readLine } from '../../agents/read-line.ts';
import { READERS } from '../../agents/readers.ts';
import type { ReadEvent, SessionEvent } from '../../agents/session-event.ts';
import { joined } from '../../agents/words.ts';
import type { Backend } from '../../contract/backends.ts';
import { chunk, type Entry, failed, note, plain, said, timeOf, tool } from './entry.ts';

export interface Line {
  /** RFC 3339; null where the program does not say, and in the lines after the first of a longer text. */
  t: string | null;
  text: string;
}

const MARKS = { tool: '> ', failed: '! ', note: '= ', said: '', chunk: '' } as const;
/** Longest text that is waited for the end of its line. */
const MAX_OPEN = 4000;

/** null: the output of this kind of agent is no stream of events, and is read as it is. */
export function sessionText(backend: string): SessionText | null {
  const name = backend.split(':')[0]!;
  const read = Object.hasOwn(READERS, name) ? READERS[name as Backend] : undefined;
  return read ? new SessionText(read) : null;
}

export class SessionText {
  readonly #read: ReadEvent;
  /** The last line of what comes in pieces, without its end. */
  #open: Line | null = null;

  constructor(read: ReadEvent) {
    this.#read = read;
  }

  /** One line of the output, without its end. */
  push(line: string): Line[] {
    const heard = readLine(line, this.#read);
    if (heard.kind === 'empty') return [];
    if (heard.kind !== 'events') return this.#asItIs(line);
    const t = timeOf(heard.event);
    return heard.events.flatMap(event =>
      event.kind === 'unknown' && !event.quiet
        ? this.#asItIs(line)
        : entriesOf(event).flatMap(entry => this.#add({ ...entry, t })),
    );
  }

  /** What waits for the rest of its line. */
  end(): Line[] {
    const open = this.#open;
    this.#open = null;
    return open === null || open.text.trim() === '' ? [] : [open];
  }

  #asItIs(line: string): Line[] {
    return [...this.end(), { t: null, text: plain(line) }];
  }

  #add(entry: Entry & { t: string | null }): Line[] {
    return entry.kind === 'chunk' ? this.#piece(entry) : [...this.end(), ...linesOf(entry)];
  }

  #piece(entry: Line): Line[] {
    const [first = '', ...more] = entry.text.split('\n');
    const open = { t: this.#open?.t ?? entry.t, text: (this.#open?.text ?? '') + first };
    const lines = [open, ...more.map(text => ({ t: null, text }))];
    const last = lines.at(-1)!;
    this.#open = last.text.length > MAX_OPEN ? null : last;
    return (this.#open ? lines.slice(0, -1) : lines).filter(line => line.text.trim() !== '');
  }
}

/** What an event comes to; nothing that a person has to see is an empty list. */
function entriesOf(event: SessionEvent): Entry[] {
  switch (event.kind) {
    case 'session':
      return event.opened ? note(`session ${joined(text(event.id), event.model)}`) : [];
    case 'said':
      return event.part ? chunk(event.text) : said(event.text);
    case 'tool':
      return tool(event.shown);
    case 'tool_over':
      return [...tool(event.shown ?? null), ...failed(event.failed)];
    case 'refused':
      return event.words === null
        ? []
        : failed(`${text(event.tool) ?? 'a tool'} was refused: ${event.words}`);
    case 'failed':
    case 'limit':
    case 'warning':
      return failed(event.words);
    case 'retries':
    case 'note':
      return note(event.words);
    case 'over':
      return event.failed ? failed(event.words) : note(event.words);
    case 'shortened':
      return note('the conversation was shortened');
    case 'own':
      return own(event.type, event.said);
    default:
      return [];
  }
}

const OWN: Readonly<Record<string, string>> = {
  'rasen/note_said': 'was told a note',
  'rasen/session_locked': 'another program works in the session',
  'rasen/not_started': 'the program could not be started',
  'rasen/ended_by_force': 'was asked to end, did not, and was ended',
  'rasen/failed': 'its turn failed',
  'rasen/fallback': 'cannot be spoken with in this version; started again by itself',
};

/** What rasen itself writes into a session. */
function own(type: string, line: Json): Entry[] {
  // Told with the end of the session.
  if (type === 'rasen/used') return [];
  const words = OWN[type] ?? type.slice('rasen/'.length).replaceAll('_', ' ');
  const which =
    text(line.note) ?? text(line.session) ?? text(line.reason) ?? text(object(line.data)?.message);
  return note(which === null ? words : `${words}: ${which}`);
}

function linesOf({ kind, text: words, t }: Entry & { t: string | null }): Line[] {
  const lines = words.split('\n').filter(line => line.trim() !== '');
  return lines.map((line, i) => ({ t: i === 0 ? t : null, text: `${MARKS[kind]}${line.trimEnd()}` }));
}
