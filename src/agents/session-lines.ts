/**
 * The session program's own lines among those of the agent (src/session/). Their types begin with `rasen/`, and every
 * reader of a stream understands them alike, but for those of one kind of agent (`asked`, `refused`).
 */
import type { Usage } from './agent.ts';

export type SessionLine =
  /** A note was said to the agent; its file is gone. */
  | { type: 'rasen/note_said'; note: string }
  /** Another process works in the session: nothing was started, or what was started was ended. */
  | { type: 'rasen/session_locked'; session: string }
  /** The agent's program could not be started. */
  | { type: 'rasen/not_started'; reason: string }
  /** The program was refused by an older version; what comes before this line is not of the session. */
  | { type: 'rasen/fallback' }
  /** What it asks the agent next; an answer over JSON-RPC has no name, only the number of its question. */
  | { type: 'rasen/asked'; id: string | number | null; method: string }
  /** The agent asked whether it may use a tool, and was told that it may not. */
  | { type: 'rasen/refused'; tool: string; reason: string }
  /** How a turn failed, as the program keeps it, where it did not say so in the conversation. */
  | ({ type: 'rasen/failed' } & KeptFailure)
  /** What it used, as the program keeps it, which tells of the last call alone. */
  | ({ type: 'rasen/used' } & Usage)
  /** It had nothing left to do and did not end: it was ended, which is no failure. */
  | { type: 'rasen/ended_by_force' };

/** Of an error, what says how the turn failed, and nothing that could be a secret. */
export interface KeptFailure {
  name: string;
  data: { message: string | null; statusCode: number | null; isRetryable: boolean };
}

export const OWN = 'rasen/';
