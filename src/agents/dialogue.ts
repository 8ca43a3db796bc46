/**
 * A conversation with an agent that is spoken with line by line on its standard input and output: what is said to it,
 * and when it is over. Pure; the session program (main.ts) reads and writes. What a session comes to is read elsewhere
 * (agents/), from the same lines.
 */
import { type Json, object } from './json.ts';
import type { SessionLine } from './session-lines.ts';

export interface Dialogue {
  /** What is said first. */
  begin(prompt: string): string[];
  /** A line of the agent's, and what is answered. */
  hear(line: string): Heard;
  /**
   * Words of the user's for a session that runs; null: they cannot be said at this moment. The name is what `took` calls
   * them by, where the dialogue answers for its notes.
   */
  note(text: string, name: string): string[] | null;
  /** Notes count as said when `took` has their names; left out: as soon as they are said. */
  readonly answers_for_notes?: true;
  /** What it did not say of its session, in what the agent printed as its record of that. */
  readonly record?: {
    /** The session to ask about; null: there is none. */
    session(): string | null;
    read(printed: string): SessionLine[];
  };
  /** Asked to stop what it does, so that the session can be gone on with later. */
  interrupt(): string[];
}

export interface Heard {
  say: string[];
  /** Lines of our own for the output, before it is said. */
  print?: SessionLine[];
  /** Names of notes that the agent took. */
  took?: string[];
  /** Nothing more is expected: its input can be closed. */
  over: boolean;
  /** The session that it works in, where the line says so: nobody else may work in it meanwhile. */
  session?: string;
}

/** How a dialogue goes on by itself, where its answers come later than the line that they answer. */
export type Later = (heard: Heard) => void;

/** Lines of JSON are what all of them are spoken with in. Throws nothing; null: it is no object. */
export function readJson(line: string): Json | null {
  try {
    return object(JSON.parse(line));
  } catch {
    return null;
  }
}
