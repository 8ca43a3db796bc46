/**
 * What the readers of event streams have in common: lines become events, each goes to the handler of its name, and
 * what has no handler is counted under its name. The output of an attempt holds both channels of the program: a line
 * that is no JSON is from its error channel, since in these modes its standard output is JSON alone. What tools print
 * is inside of events and never looked at.
 */
import { createHash } from 'node:crypto';
import { stripVTControlCharacters } from 'node:util';
import type { AgentExit, AgentReport, Conversation, Usage } from './agent.ts';
import { type Json, object, text } from './json.ts';
import { OWN } from './session-lines.ts';

const MAX_SESSIONS = 20;
const MAX_UNKNOWN_NAMES = 30;
const MAX_NAME = 80;
const MAX_MESSAGE = 64 * 1024;
const MAX_DETAIL = 500;
const MAX_DENIED = 20;
/** Calls of tools that are remembered, and those that may run at once. */
const MAX_CALLS = 20;
const MAX_RUNNING = 200;
/** Name of the events that are answers to requests of the session program's. */
export const ANSWER = 'answer';
/** Of a call, in words for people. */
const MAX_CALL = 100;
const ERROR = /^(?:\w*Error|error|fatal)\b/;

/** What the handlers of a stream write down as it goes by. */
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
    if (this.#running.size < MAX_RUNNING)
      this.#running.set(text(id) ?? '', `${text(name) ?? ''} ${JSON.stringify(input) ?? ''}`);
  }

  toolEnded(id: unknown, answer: unknown): void {
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

  message(words: string): void {
    if (this.#said_alone) this.again('says', this.#message);
    this.#said_alone = true;
    this.lastMessage(words);
  }

  messagePart(words: string): void {
    this.lastMessage(this.#message + words);
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

/** How it ended, before what was written down is added. */
export type Ending = Pick<AgentReport, 'outcome' | 'evidence' | 'detail' | 'retry_at' | 'usage'>;

export interface StreamReader {
  /** Handlers by the name of the event; one that does nothing says that the event is known. */
  events: Readonly<Record<string, (event: Json) => void>>;
  /** Name of an event, from `type` (or `method`, or ANSWER) and what else tells events apart. */
  nameOf(event: Json, type: string): string;
  /** A line of the error channel. */
  errorLine(line: string): void;
  /** So far; left out where the program says it only at the end. */
  usage?(): Usage | null;
  /** What was heard so far was of a program that an older version refused. */
  fallback?(): void;
  /** What runs besides the tools that were told to `seen`. */
  tools?(): number;
  /** A good answer was given, although something goes on in the background. Left out: as `seen.through`. */
  answered?(): boolean;
  end(exit: AgentExit): Ending;
}

/** A conversation over a reader and what it writes down in `seen`. */
export function streamOf(seen: Seen, reader: StreamReader): Conversation {
  return {
    feed(line) {
      // Programs colour their error channel, also where nobody looks.
      const trimmed = (line.includes('\u001b') ? stripVTControlCharacters(line) : line).trim();
      if (trimmed === '') return;
      if (!trimmed.startsWith('{')) {
        if (seen.events === 0 || ERROR.test(trimmed)) seen.last_error = trimmed;
        reader.errorLine(trimmed);
        return;
      }
      const event = parse(trimmed);
      const type = event && typeOf(event);
      if (event === null || type === null) {
        seen.unreadable++;
        return;
      }
      if (type.startsWith(OWN)) {
        hearOwn(event, seen, reader);
        return;
      }
      if (seen.events++ === 0 && seen.last_error !== null && !ERROR.test(seen.last_error))
        seen.last_error = null;
      const name = reader.nameOf(event, type);
      if (Object.hasOwn(reader.events, name)) reader.events[name]!(event);
      else seen.unknownEvent(printable(name, MAX_NAME));
    },
    live: () => ({
      usage: reader.usage?.() ?? null,
      tools_running: seen.tools_running + (reader.tools?.() ?? 0),
      calls: [...seen.calls],
      calls_made: seen.calls_made,
      through: seen.through,
      answered: seen.through || (reader.answered?.() ?? false),
    }),
    end(exit) {
      const ending = notStarted(seen) ?? reader.end(exit);
      return {
        ...ending,
        detail: ending.detail === null ? null : printable(ending.detail, MAX_DETAIL) || null,
        sessions: seen.sessions,
        heard: seen.heard || (ending.usage?.output_tokens ?? 0) > 0,
        last_message: seen.last_message,
        denied: seen.denied,
        unknown: { ...seen.unknown },
        unreadable: seen.unreadable,
      };
    },
  };
}

/** The ending of a stream that broke off: nothing in it says why. */
export function brokenOff(seen: Seen, exit: Pick<AgentExit, 'code'>, usage: AgentReport['usage']): Ending {
  const code = exit.code === null ? 'no exit code' : `exit code ${exit.code}`;
  const how = `ended with ${code} and without a result`;
  const detail = seen.last_error === null ? how : `${how}: ${seen.last_error}`;
  return { outcome: 'failed', evidence: 'exit', detail, retry_at: null, usage };
}

/** JSON-RPC has methods in the place of types; what is neither is an answer. */
function typeOf(event: Json): string | null {
  const answer = 'id' in event && ('result' in event || 'error' in event) ? ANSWER : null;
  return text(event.type) ?? text(event.method) ?? answer;
}

function hearOwn(event: Json, seen: Seen, reader: StreamReader): void {
  if (event.type === 'rasen/not_started') seen.not_started = text(event.reason) ?? 'it was not started';
  if (event.type === 'rasen/session_locked') seen.locked = true;
  const type = String(event.type);
  if (Object.hasOwn(reader.events, type)) reader.events[type]!(event);
  if (type !== 'rasen/fallback') return;
  seen.last_error = null;
  seen.events = 0;
  reader.fallback?.();
}

function notStarted({ not_started, locked }: Seen): Ending | null {
  if (locked) {
    const detail = 'another process works in this session';
    return { outcome: 'session_lost', evidence: 'event', detail, retry_at: null, usage: null };
  }
  if (not_started === null) return null;
  return { outcome: 'startup', evidence: 'event', detail: not_started, retry_at: null, usage: null };
}

function parse(line: string): Json | null {
  try {
    return object(JSON.parse(line));
  } catch {
    return null;
  }
}

function printable(words: string, max: number): string {
  return words
    .replace(/[\u0000-\u001f\u007f-\u009f]+/g, ' ')
    .trim()
    .slice(0, max);
}
