/**
 * What agents say, in one vocabulary. Each agent's stream.ts reads the objects that its program prints into these events;
 * live monitoring, the end of a session, `rasen logs` and the page all fold over them. Types alone.
 *
 * `words` are for people: one sentence, null or '' where a person need not see it. `said` is the program's own object, for
 * the agent's ending.ts alone, which knows what it counts and what its errors mean.
 */
import type { Json } from './json.ts';
import type { SessionLine } from './session-lines.ts';

/** A tool with what it is used on, as people read it. */
export interface ShownTool {
  name: unknown;
  on: unknown;
}

export type SessionEvent =
  /** The session that it works in. `opened`: this is news. */
  | { kind: 'session'; id: unknown; model: string | null; opened: boolean }
  /** A turn begins, in the session itself or in one that it started (`thread`). */
  | { kind: 'turn'; thread?: unknown }
  /** The user's words are given back. */
  | { kind: 'prompt' }
  /** A sign of life of the model. `goes_on`: what failed before is overcome. */
  | { kind: 'answers'; goes_on: boolean; thread?: unknown; said?: Json }
  /** `part`: it goes on where the last part with the same `message` ended. */
  | { kind: 'said'; text: string; part?: boolean; message?: unknown; thread?: unknown }
  /** A tool begins; `name` and `input` tell this call from others. May be told again, more completely. */
  | { kind: 'tool'; id: unknown; name: unknown; input: unknown; shown: ShownTool | null; thread?: unknown }
  | { kind: 'tool_over'; id: unknown; answer: unknown; shown?: ShownTool | null; failed: string | null }
  /** Nobody was there to allow it. */
  | { kind: 'refused'; tool: unknown; words: string | null }
  /** A request failed and is made again. */
  | { kind: 'retries'; words: string; said: Json }
  /** Something failed; whether that ends the session is for its ending to say. */
  | { kind: 'failed'; words: string; said: Json | null; thread?: unknown }
  /** Of the use of a subscription. */
  | { kind: 'limit'; words: string | null; said: Json | null }
  | { kind: 'usage'; of: 'call' | 'turn' | 'session' | 'thread'; said: Json }
  /** A turn, a step or the whole session is over. `failed` is how it is shown, `how` what the program calls it. */
  | { kind: 'over'; how: string | null; failed: boolean; words: string | null; said: Json; thread?: unknown }
  /** The conversation was shortened to fit. */
  | { kind: 'shortened' }
  /** So many commands go on in the background. */
  | { kind: 'background'; running: number }
  /** A response to a request; only who heard the request knows to which. */
  | { kind: 'response'; said: Json }
  /** For people alone. */
  | { kind: 'note' | 'warning'; words: string }
  /** A line of the session program. */
  | { kind: 'own'; type: SessionLine['type']; said: Json }
  /** Not known to this version. `quiet`: its name says that it is nothing for people. */
  | { kind: 'unknown'; name: string; quiet: boolean };

/** Reads one object that a program printed. Pure, without memory, and throws at nothing. */
export type ReadEvent = (event: Json) => SessionEvent[];
