/**
 * What the supervisor knows of a program that writes code: how it is started for a role, and what its output says when
 * it has ended. Pure on both sides: `plan` makes a command line, a conversation is fed lines. What a session says is
 * evidence about the session (a limit, a failed login, tokens used); whether the work is good is judged by gates.
 */
import type { Backend } from '../contract/backends.ts';
import type { Role, TaskSpec } from '../contract/spec.ts';
import type { AgentFolder } from './folders.ts';

export interface AgentRequest {
  role: Role;
  prompt: string;
  /** Where the agent must leave its result. */
  result_file: string;
  task: string;
  subtask: string;
  attempt: number;
  /** Tells this session from every other one, for ever. */
  nonce: string;
  model: string | null;
  max_thinking_tokens: number;
  /** Folders outside of the working folder that the work needs: git's own, that of the result file. */
  writable: readonly string[];
  /** Where it works. */
  cwd: string;
  /** It may make a sandbox of its own for what it runs: it is in none, or in one where that is possible. */
  own_sandbox: boolean;
  /** The session of an earlier attempt to go on with; null: a new one. */
  resume: string | null;
  /** Dollars that are left for it; null: nobody counts them. */
  budget_usd: number | null;
  /** What its program answers to `asks_help`; null: nothing, and it is taken for the newest that is known. */
  help: string | null;
}

export interface LaunchPlan {
  argv: string[];
  /** Over everything in the environment of the task. */
  env: Record<string, string>;
  /** Beneath it: what the user sets is stronger. */
  env_defaults: Record<string, string>;
  /** Given on standard input, which ends after it. */
  prompt: string;
  /** How the session program (session/) speaks with it in the meantime; null: it runs by itself. */
  talk: Talk | null;
}

/** What the session program is told, as one JSON argument. */
export interface Talk {
  kind: Backend;
  /** The agent's program. */
  argv: string[];
  /** A program that needs no conversation, where `argv` is refused by an older version; its prompt is on stdin. */
  fallback: string[] | null;
  /**
   * Prints what the program keeps of a session, whose id becomes the last argument. Run when it has ended: the conversation
   * tells neither how a turn failed nor all that was used. Left out: the program has no such command.
   */
  record?: string[];
  cwd: string;
  resume: string | null;
  model: string | null;
  /** As in AgentRequest. */
  writable: string[];
}

export interface Agent {
  readonly id: Backend;
  /** A later process can go on with a session of an earlier one. */
  readonly resumes: boolean;
  /** Its program says what a session costs; `some`: it depends on the program. Left out: no. */
  readonly says_cost?: 'yes' | 'some';
  /** Its program says what a session used with its result alone, which one that is stopped does not have. */
  readonly says_tokens_at_end_only?: boolean;
  /** What it keeps in the home of the user. Left out: it is not known, or all that other agents keep. */
  readonly folders?: readonly AgentFolder[];
  /** Arguments with which its program tells which options this version has, where they differ. Costs no request. */
  readonly asks_help?: readonly string[];
  plan(request: AgentRequest): LaunchPlan;
  /**
   * A reader for the output of one session; null: the output is no stream of events, only the result file counts.
   * @param resumed it goes on with an earlier one, of which its program may count what that used.
   */
  open(resumed?: boolean): Conversation | null;
}

/** One session, line by line. Holds little, whatever it is fed, and throws at nothing. */
export interface Conversation {
  feed(line: string): void;
  /** What is known so far; may be asked at any time, and costs nothing. */
  live(): LiveSigns;
  end(exit: AgentExit): AgentReport;
}

/** What is known of a session that goes on. */
export interface LiveSigns {
  /** So far, of this session alone; null: its program says so only at the end. */
  usage: Usage | null;
  /** Tools that run now, as far as the program says. */
  tools_running: number;
  /**
   * The last calls of tools that are over, oldest first: a hash of name, arguments and answer each, and after a space
   * the beginning of the first two for people.
   */
  calls: readonly string[];
  /** How many there were, with those that are forgotten. */
  calls_made: number;
  /** It has said that it is through; its process may live on. */
  through: boolean;
  /** It has given a good answer; only what it left in the background can wake it once more. True when it is through. */
  answered: boolean;
}

export interface AgentExit {
  /**
   * As the shell says it: 128 and more for a signal, but also for programs that exit with such a code. null: the end
   * of the process left no record.
   */
  code: number | null;
  /** When it ended, as far as is known; milliseconds since 1970. */
  ended_ms: number;
  /** Named zone that the session's own times are in; undefined: that of this process. */
  time_zone?: string | undefined;
}

/** How a session ended, in the words of contract/status.ts where it has them. */
export type AgentOutcome =
  | 'ok'
  | 'limit'
  | 'overloaded'
  | 'network'
  | 'auth'
  | 'context'
  | 'budget'
  | 'asked'
  | 'startup'
  /** The session that it should go on with is not there, or another process works in it. */
  | 'session_lost'
  | 'failed';

export interface Usage {
  /** All that the model read, from a cache or not. */
  input_tokens: number;
  /** The part of it that came from a cache. */
  cached_input_tokens: number;
  output_tokens: number;
  /** As the program says; null: it says nothing. */
  cost_usd: number | null;
  /** The session was cut off: at least this much. */
  partial: boolean;
}

export interface AgentReport {
  outcome: AgentOutcome;
  /** What says so: an event of the stream, a text on the program's own error channel, or its exit code alone. */
  evidence: 'event' | 'text' | 'exit';
  /** In words of the program where it has some; one line. */
  detail: string | null;
  /** When a limit ends, if that was stated. */
  retry_at: string | null;
  /** Session ids that were seen, first to last. */
  sessions: string[];
  usage: Usage | null;
  /** The model has answered something. false: silence from the first request on, which is the service's. */
  heard: boolean;
  /** What the agent said last. */
  last_message: string;
  /** Tools whose use was refused because nobody was there to allow it. */
  denied: string[];
  /** Events that this version does not know, by name, with how often each came. */
  unknown: Record<string, number>;
  /** Lines that should have been events and could not be read: torn, or too long. */
  unreadable: number;
}

/** What every program of an agent finds in its environment. */
export function sessionEnv(request: AgentRequest): Record<string, string> {
  return {
    RASEN_ROLE: request.role,
    RASEN_RESULT_FILE: request.result_file,
    RASEN_TASK: request.task,
    RASEN_SUBTASK: request.subtask,
    RASEN_ATTEMPT_NUMBER: String(request.attempt),
    MAX_THINKING_TOKENS: String(request.max_thinking_tokens),
    ...(request.model === null ? {} : { RASEN_MODEL: request.model }),
  };
}

/** The model of a role: the subtask's own, the role's, the coder's where it is a model of the same backend. */
export function modelFor(spec: TaskSpec, role: Role, own: string | null): string | null {
  const { agents, models } = spec;
  const same = agents[role] === undefined || agents[role].backend === agents.coder?.backend;
  return own ?? models[role] ?? (same ? models.coder : undefined) ?? null;
}
