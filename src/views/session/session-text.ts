/**
 * The output of an agent's session as people read it: what it said, the tools it used with what they were used on, and
 * what went wrong, line by line while it comes. A line that is not known is given as it is. Pure.
 */
import { object, text } from '../../util/json.ts';
import { readAcp } from './acp.ts';
import { readClaude } from './claude.ts';
import { readCodex } from './codex.ts';
import { readGemini } from './gemini.ts';
import { readOpencode } from './opencode.ts';
import { type Entry, note, plain, type ReadEvent } from './words.ts';

export interface Line {
  /** RFC 3339; null where the program does not say, and in the lines after the first of a longer text. */
  t: string | null;
  text: string;
}

const READERS: Readonly<Record<string, ReadEvent>> = {
  claude: readClaude,
  codex: readCodex,
  gemini: readGemini,
  opencode: readOpencode,
  acp: readAcp,
};
const MARKS = { tool: '> ', failed: '! ', note: '= ', said: '', chunk: '' } as const;
/** Longest text that is waited for the end of its line. */
const MAX_OPEN = 4000;

/** null: the output of this kind of agent is no stream of events, and is read as it is. */
export function sessionText(backend: string): SessionText | null {
  const read = READERS[backend.split(':')[0]!];
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
    if (line.trim() === '') return [];
    const event = parsed(line);
    const entries = event && (own(event) ?? this.#read(event));
    if (!entries) return [...this.end(), { t: null, text: plain(line) }];
    return entries.flatMap(entry =>
      entry.kind === 'chunk' ? this.#piece(entry) : [...this.end(), ...linesOf(entry)],
    );
  }

  /** What waits for the rest of its line. */
  end(): Line[] {
    const open = this.#open;
    this.#open = null;
    return open === null || open.text.trim() === '' ? [] : [open];
  }

  #piece(entry: Entry): Line[] {
    const [first = '', ...more] = entry.text.split('\n');
    const open = { t: this.#open?.t ?? entry.t, text: (this.#open?.text ?? '') + first };
    const lines = [open, ...more.map(text => ({ t: null, text }))];
    const last = lines.at(-1)!;
    this.#open = last.text.length > MAX_OPEN ? null : last;
    return (this.#open ? lines.slice(0, -1) : lines).filter(line => line.text.trim() !== '');
  }
}

function parsed(line: string) {
  if (!line.startsWith('{')) return null;
  try {
    return object(JSON.parse(line));
  } catch {
    return null;
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
function own(event: Record<string, unknown>): Entry[] | null {
  const type = text(event.type);
  if (!type?.startsWith('rasen/')) return null;
  // Told with the end of the session.
  if (type === 'rasen/used') return [];
  const words = OWN[type] ?? type.slice('rasen/'.length).replaceAll('_', ' ');
  const which =
    text(event.note) ?? text(event.session) ?? text(event.reason) ?? text(object(event.data)?.message);
  return note(event, which === null ? words : `${words}: ${which}`);
}

function linesOf({ kind, text: words, t }: Entry): Line[] {
  const lines = words.split('\n').filter(line => line.trim() !== '');
  return lines.map((line, i) => ({ t: i === 0 ? t : null, text: `${MARKS[kind]}${line.trimEnd()}` }));
}
