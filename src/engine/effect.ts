/**
 * Effects: what decide asks the world to do. Every effect may be asked for again after a crash, and doing it again
 * must find it done: by the claim in the attempt's folder, by refs and trailers in git, by the nonce.
 */

import type { Claim, GateEvidence, SealedFacts, SessionFacts } from '../contract/event.ts';
import type { NotifyChannel } from '../contract/notify.ts';
import type { Plan } from '../contract/plan.ts';
import type { StopReason, TroubleReason } from '../contract/status.ts';
import type { Gate } from './gates-of.ts';
import type { Used } from './state.ts';
import type { Turn } from './turn.ts';

export type Effect =
  /** Worktree at the right commit, folder, spec, prompt. → attempt_prepared (and workspace_ready before it) */
  | { type: 'prepare'; key: string; step: string; n: number }
  /** Spawn the runner of a job; once or never. → attempt_started, for work */
  | { type: 'launch'; key: string; job: string; step: string; n: number; gate: number | null }
  /**
   * Bring a job to its end: sweep what is left, or stop it first (`kill`). Resolves only when its cage is empty.
   * → attempt_ended or gate_ended or gate_dropped
   */
  | {
      type: 'end';
      key: string;
      job: string;
      step: string;
      n: number;
      gate: number | null;
      kill: 'grace' | 'force' | null;
      /** Why it is stopped; `stale`: it was never launched and must not be any more. null: it ended. */
      why: StopReason | 'stale' | null;
    }
  /** Leave a note for a session that runs, and wait a while for it to be said. → note_told */
  | { type: 'tell'; key: string; job: string; step: string; n: number; note: number }
  /** Commit what the attempt left and keep it under its ref. → attempt_sealed */
  | { type: 'seal'; key: string; step: string; n: number }
  /** A built-in gate. → gate_ended */
  | { type: 'judge'; key: string; step: string; n: number; gate: number }
  /** refs/rasen/<task>/good/<k>. → attempt_closed, step_completed */
  | { type: 'mark_good'; key: string; step: string; n: number; k: number; commit: string }
  /** Read the planner's result. → plan_frozen … or attempt_closed */
  | { type: 'accept_plan'; key: string; step: string; n: number }
  /** Look at a service until it is ready, or until it is well no more. → service_ready or attempt_stopping */
  | { type: 'probe'; key: string; job: string; step: string; n: number; what: 'ready' | 'health' }
  /** Tell a person; `notice` is its key. → notified */
  | { type: 'notify'; key: string; notice: string }
  /** The user's `rasen rollback`: the worktree at the commit. → rolled_back or rollback_refused */
  | { type: 'rollback'; key: string; op: string }
  /** The user's `rasen merge`. → merged or merge_refused */
  | { type: 'merge'; key: string; op: string };

export type EffectType = Effect['type'];

/** What is known of a job by looking at its folder and the process table. */
export interface JobFacts {
  claimed: boolean;
  /** The runner's identity (boot id, pid, start time) is that of a living process. */
  alive: boolean;
  /** The exit is recorded: over. */
  exited: boolean;
  /** Its command is over, and the runner cannot write that down: it stays alive until it can. */
  recording: boolean;
  /** Last sign of life: output, or noticeable use of the processor. */
  last_output_at: string | null;
  /** When the agent wrote its result file last; null: it has not, or nobody looked. */
  result_at: string | null;
  /** Its output passed the cap and could not be freed. */
  flood: boolean;
  /** What its program says of a session that goes on; null: nothing, or not all of it was read yet. */
  signs: Signs | null;
}

/** What is known of a session that goes on. */
export interface Signs {
  /** So far; null: its program says so only at the end. */
  used: Used | null;
  /** Tools run: silence means less than while the model thinks. */
  in_tool: boolean;
  /** It has said that it is through; its process lives on. */
  through: boolean;
  /** It has answered, and waits for what it left in the background, which may wake it. True when it is through. */
  answered: boolean;
  /** The call that it makes again and again, with the same answer, and changes nothing meanwhile. */
  loop: string | null;
  /** When a tool last gave an answer that was not among the last ones. */
  progress_at: string | null;
}

/** The day that it is where the supervisor runs. */
export interface Day {
  /** By all tasks, with what sessions that go on have said so far. */
  used: Used;
  ends_at_ms: number;
}

/** What is wrong with the machine, as host/trouble.ts tells it. */
export interface Trouble {
  why: TroubleReason;
  /** A sentence for people. */
  message: string;
}

/** What decide may look at besides the state. Made anew for each pass. */
export interface Observed {
  now_ms: number;
  /** Facts of a job, or null when it has no folder. */
  job: (job: string) => JobFacts | null;
  /** Jobs that may still be started now, over all tasks. */
  slots: number;
  /** What a disk of the task has too little of, as a sentence; null: it has enough. Nothing new is started meanwhile. */
  disk_low: string | null;
  /** Why other tasks come first; null: none do, or this one has begun. */
  turn: Turn | null;
  /** Effects that meet trouble of the machine, by key: they are tried again by themselves, for as long as it takes. */
  troubles: ReadonlyMap<string, Trouble>;
  /** Asked only where a limit of a day is set. */
  day: () => Day;
  /** The supervisor is going down: start nothing new. */
  draining: boolean;
  /** And what runs has to end, in good order, to go on under the next supervisor. */
  suspending: boolean;
  /** A fresh nonce (random outside of tests). */
  nonce: () => string;
  /** Commitment of the key with which this supervisor lets the runner of the job of this nonce sign. */
  record_key: (nonce: string) => string;
}

export interface ExitFacts {
  result: string;
  code: number | null;
  signal: number | null;
  ended_at: string | null;
  /**
   * What ended it from outside, where that is known. machine: shutdown, or a stop of its unit by hand. runtime: its
   * limit of the manager.
   */
  ended_by: 'machine' | 'memory' | 'runtime' | null;
  /** What it used, where that was counted. */
  cpu_ms: number | null;
  memory_peak_bytes: number | null;
}

export interface EndFacts {
  exit: ExitFacts | null;
  /** The work was over before we signalled anything. */
  ended_by_itself: boolean;
  /** Last sign of life, for what ended without a record. */
  last_seen_at: string | null;
  output_bytes: number;
  dropped_bytes: number;
  claim: Claim | null;
  /** Why the session is a failure whatever was claimed: a result file that cannot be used, a stream that broke off. */
  claim_problem: string | null;
  /** What the program of an agent says; null: nothing, or it is no agent's job. */
  session: SessionFacts | null;
  /** Hosts that its sandbox refused. */
  unreached?: string[];
  /** Notes that were said to it. */
  notes_said: number[];
  log_sha256: string | null;
  log_tail: string | null;
  /** What others than its runner wrote among its records, in words. */
  forged: string[];
  /** Of a gate with the tests of the base commit: those that are not the tests of today. */
  base_tests: string[];
}

/** What came of an effect, in plain facts; settle.ts turns it into events. */
export type Result =
  | {
      type: 'prepare';
      workspace: { base: string; branch: string; path: string } | null;
      /** As in attempt_prepared. */
      record_key: string;
      /** Of a service: the port that it has from now on. */
      port?: number | null;
      setup?: string | undefined;
      base_config?: string[];
      sources?: number;
    }
  /** `talks`: notes can be said to it. */
  | { type: 'launch'; pid: number; cage: string | null; sandbox: string | null; talks: boolean }
  | { type: 'end'; facts: EndFacts }
  /** false: not yet, or never; it is asked for again while the session runs. */
  | { type: 'tell'; said: boolean }
  | { type: 'seal'; sealed: SealedFacts }
  | { type: 'judge'; found: Found }
  | { type: 'mark_good' }
  /** gone: it runs no more, or nobody wants to know. `detail`: what was found last, as the end of a sentence. */
  | { type: 'probe'; found: 'ready' | 'failed' | 'gone'; detail: string }
  | { type: 'rollback' }
  | { type: 'notify'; ok: boolean; detail: string | null; failed?: NotifyChannel[]; final?: boolean }
  | { type: 'accept_plan'; accepted: { plan: Plan; sha256: string } | null; problem: string | null }
  | {
      type: 'merge';
      merged: { into: string; before: string; commit: string; fast_forward: boolean };
      /** Of the result, in order. */
      gates: JudgedGate[];
    };

/** What a gate has found: the reason why the commit does not pass, or null, and whatever else is known. */
export type Found = Pick<GateEvidence, 'reason'> &
  Partial<Omit<GateEvidence, 'name' | 'kind' | 'passed' | 'argv' | 'commit' | 'tree'>>;

/** A gate that was asked beside any attempt. */
export interface JudgedGate {
  gate: Pick<Gate, 'name' | 'kind' | 'run'>;
  commit: string;
  tree: string;
  found: Found;
}
