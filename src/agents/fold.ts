/**
 * What is known of a session while it goes on and when it has ended: one fold over the events that its reader gives.
 * What all sessions have in common is written down in `Seen`; what an agent's ways of ending mean is said by the
 * `SessionEnding` in its folder. Events that are not known are counted under their names.
 */
import { createHash } from 'node:crypto';
import type { AgentExit, AgentOutcome, AgentReport, Conversation, Usage } from './agent.ts';
import { text } from './json.ts';
import { readLine } from './read-line.ts';
import type { ReadEvent, SessionEvent } from './session-event.ts';

const MAX_SESSIONS = 20;
const MAX_UNKNOWN_NAMES = 30;
const MAX_NAME = 80;
const MAX_MESSAGE = 64 * 1024;
const MAX_DETAIL = 500;
const MAX_DENIED = 20;
/** Calls of tools that are remembered, and those that may run at once. */
const MAX_CALLS = 20;
const MAX_RUNNING = 200;
/** Of a call, in words for people. */
const MAX_CALL = 100;
const ERROR = /^(?:\w*Error|error|fatal)\b/;

/** What every session has, written down as it goes by. */
export class Seen {
  readonly sessions: string[] = [];
  readonly denied: string[] = [];
  readonly unknown: Record<string, number> = Object.create(null);
  unreadable = 0;
  /** Of the error channel: the last line that calls itself an error, else the last before the first event. */
  last_error: string | null = null;
  events = 0;
  /** Why its program could not be started. */
  not_started: string | null = null;
  /** The session program did not let it work, since another process works in its session. */
  locked = false;
  /** Something of the model came. */
  heard = false;
  /** It has said that it is through; what comes after it takes that back. */
  through = false;
  #message = '';
  /** What the last part of a message went by; null: the next part begins one. */
  #open: unknown = null;
  /** No tool was used since the last message. */
  #said_alone = false;
  readonly #running = new Map<string, string>();
  readonly #calls: string[] = [];
  calls_made = 0;

  /** A tool begins; `input` as the stream has it. */
  toolBegan(id: unknown, name: unknown, input: unknown): void {
    this.heard = true;
    this.through = false;
    this.#said_alone = false;
    this.#open = null;
    if (this.#running.size < MAX_RUNNING)
      this.#running.set(text(id) ?? '', `${text(name) ?? ''} ${JSON.stringify(input) ?? ''}`);
  }

  toolEnded(id: unknown, answer: unknown): void {
    this.#open = null;
    const key = text(id) ?? '';
    const call = this.#running.get(key);
    if (call === undefined) return;
    this.#running.delete(key);
    this.#over(call, answer);
  }

  #over(call: string, answer: unknown): void {
    const hash = createHash('sha256')
      .update(call)
      .update('\0')
      .update(JSON.stringify(answer) ?? '');
    this.calls_made++;
    this.#calls.push(`${hash.digest('base64url').slice(0, 16)} ${printable(call, MAX_CALL)}`);
    if (this.#calls.length > MAX_CALLS) this.#calls.shift();
  }

  /** None runs any more, whether the stream said so of each or not. */
  toolsOver(): void {
    this.#running.clear();
  }

  get tools_running(): number {
    return this.#running.size;
  }

  get calls(): readonly string[] {
    return this.#calls;
  }

  session(id: unknown): void {
    const name = text(id)?.slice(0, MAX_NAME);
    if (name === undefined || this.sessions.includes(name)) return;
    if (this.sessions.length < MAX_SESSIONS) this.sessions.push(name);
  }

  message(words: string, message: unknown = null): void {
    if (this.#said_alone) this.again('says', this.#message);
    this.#said_alone = true;
    this.#open = message;
    this.lastMessage(words);
  }

  /** @param message parts with the same one are one message, as long as nothing else comes between. */
  messagePart(words: string, message: unknown): void {
    if (this.#open === message) this.lastMessage(this.#message + words);
    else this.message(words, message);
  }

  /** What is said next is another message. */
  messageOver(): void {
    this.#open = null;
  }

  /** Said before, and said once more as what it came to. */
  lastMessage(words: string): void {
    this.heard = true;
    this.#message = words.slice(-MAX_MESSAGE);
  }

  /**
   * Something that can come again and again without a tool between: words, or a conversation that is shortened and does
   * not fit all the same. As often as a call of a tool, it is a loop.
   */
  again(what: string, words: string): void {
    this.#over(`${what} ${JSON.stringify(words)}`, null);
  }

  get last_message(): string {
    return this.#message.trim();
  }

  deny(tool: unknown): void {
    const name = text(tool)?.slice(0, MAX_NAME) ?? 'a tool';
    if (this.denied.length < MAX_DENIED && !this.denied.includes(name)) this.denied.push(name);
  }

  unknownEvent(name: string): void {
    const known = Object.keys(this.unknown).length < MAX_UNKNOWN_NAMES || name in this.unknown;
    const key = known ? name : 'others';
    this.unknown[key] = (this.unknown[key] ?? 0) + 1;
  }
}

/** Why a session does not go on, as far as is known. */
export interface Failure {
  outcome: AgentOutcome;
  detail: string;
}

/** Words on the error channel of a program that ends before its first event. */
export type BeforeStart = readonly { line: RegExp; outcome: AgentOutcome }[];

/** null: they are none of these. */
export function failedBeforeStart(line: string, known: BeforeStart): Failure | null {
  const outcome = known.find(one => one.line.test(line))?.outcome;
  return outcome === undefined ? null : { outcome, detail: line };
}

/** How it ended, before what was written down is added. */
export type Ending = Pick<AgentReport, 'outcome' | 'evidence' | 'detail' | 'retry_at' | 'usage'>;

/** What an agent's words and errors come to at the end of its session. Told of each event after `Seen` was. */
export interface SessionEnding {
  /** As what an event counts; null: as nothing, such as what is of another session than the one that is watched. */
  counted?(event: SessionEvent): SessionEvent | null;
  take(event: SessionEvent): void;
  /** A line of the error channel. */
  errorLine?(line: string): void;
  /** So far; null where the program says it only at the end. */
  usage(): Usage | null;
  /** What runs besides the tools that were told of. */
  tools?(): number;
  /** A good answer was given, although something goes on in the background. Left out: as `seen.through`. */
  answered?(): boolean;
  end(exit: AgentExit): Ending;
}

export function foldOf(read: ReadEvent, endingOf: (seen: Seen) => SessionEnding): Conversation {
  const seen = new Seen();
  const ending = endingOf(seen);
  return {
    feed(line) {
      const said = readLine(line, read);
      if (said.kind === 'unreadable') seen.unreadable++;
      if (said.kind === 'words') {
        if (seen.events === 0 || ERROR.test(said.words)) seen.last_error = said.words;
        ending.errorLine?.(said.words);
      }
      if (said.kind !== 'events') return;
      const is_own = said.events[0]?.kind === 'own';
      if (!is_own && seen.events++ === 0 && seen.last_error !== null && !ERROR.test(seen.last_error))
        seen.last_error = null;
      for (const told of said.events) {
        const event = ending.counted ? ending.counted(told) : told;
        if (event === null) continue;
        note(event, seen);
        ending.take(event);
      }
    },
    live: () => ({
      usage: ending.usage(),
      tools_running: seen.tools_running + (ending.tools?.() ?? 0),
      calls: [...seen.calls],
      calls_made: seen.calls_made,
      through: seen.through,
      answered: seen.through || (ending.answered?.() ?? false),
    }),
    end(exit) {
      const end = notStarted(seen) ?? ending.end(exit);
      return {
        ...end,
        detail: end.detail === null ? null : printable(end.detail, MAX_DETAIL) || null,
        sessions: seen.sessions,
        heard: seen.heard || (end.usage?.output_tokens ?? 0) > 0,
        last_message: seen.last_message,
        denied: seen.denied,
        unknown: { ...seen.unknown },
        unreadable: seen.unreadable,
      };
    },
  };
}

/** What an event comes to in any session. */
function note(event: SessionEvent, seen: Seen): void {
  switch (event.kind) {
    case 'session':
      seen.session(event.id);
      break;
    case 'prompt':
      seen.messageOver();
      break;
    case 'answers':
      seen.heard = true;
      break;
    case 'said':
      if (event.part) seen.messagePart(event.text, event.message);
      else seen.message(event.text, event.message);
      break;
    case 'tool':
      seen.toolBegan(event.id, event.name, event.input);
      break;
    case 'tool_over':
      seen.toolEnded(event.id, event.answer);
      break;
    case 'refused':
      seen.deny(event.tool);
      break;
    case 'over':
      seen.toolsOver();
      break;
    case 'shortened':
      seen.again('shortens', 'the conversation');
      break;
    case 'unknown':
      seen.unknownEvent(printable(event.name, MAX_NAME));
      break;
    case 'own':
      noteOwn(event, seen);
      break;
  }
}

function noteOwn({ type, said }: Extract<SessionEvent, { kind: 'own' }>, seen: Seen): void {
  if (type === 'rasen/not_started') seen.not_started = text(said.reason) ?? 'it was not started';
  if (type === 'rasen/session_locked') seen.locked = true;
  if (type !== 'rasen/fallback') return;
  seen.last_error = null;
  seen.events = 0;
}

/** The ending of a stream that broke off: nothing in it says why. */
export function brokenOff(seen: Seen, exit: Pick<AgentExit, 'code'>, usage: AgentReport['usage']): Ending {
  const code = exit.code === null ? 'no exit code' : `exit code ${exit.code}`;
  const how = `ended with ${code} and without a result`;
  const detail = seen.last_error === null ? how : `${how}: ${seen.last_error}`;
  return { outcome: 'failed', evidence: 'exit', detail, retry_at: null, usage };
}

/** What it said of its end was good, and then its program failed. */
export function failedAfter(what: string, seen: Seen, exit: AgentExit, usage: AgentReport['usage']): Ending {
  return { ...brokenOff(seen, exit, usage), detail: `exit code ${exit.code} after its ${what}` };
}

/** A session that ended well: unless it was refused something, and nobody was there to allow it. */
export function endedWell(seen: Seen, usage: AgentReport['usage']): Ending {
  const end = { evidence: 'event', retry_at: null, usage } as const;
  if (seen.denied.length === 0) return { ...end, outcome: 'ok', detail: null };
  const detail = `nobody was there to allow the use of ${seen.denied.join(', ')}`;
  return { ...end, outcome: 'asked', detail };
}

function notStarted({ not_started, locked }: Seen): Ending | null {
  if (locked) {
    const detail = 'another process works in this session';
    return { outcome: 'session_lost', evidence: 'event', detail, retry_at: null, usage: null };
  }
  if (not_started === null) return null;
  return { outcome: 'startup', evidence: 'event', detail: not_started, retry_at: null, usage: null };
}

function printable(words: string, max: number): string {
  return words
    .replace(/[\u0000-\u001f\u007f-\u009f]+/g, ' ')
    .trim()
    .slice(0, max);
}
