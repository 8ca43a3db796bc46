/**
 * Events: what happened to a task, one numbered fact each. The journal is a list of these and nothing else; every
 * state is a fold over them. A field is only ever added; a meaning never changes (store/migrate.ts has the versions).
 *
 * A job is one thing that runs in a cage: the work of an attempt (`build/1-NONCE`) or one of its gates
 * (`build/1-NONCE/gates/2.1-NONCE`: gate 2, first try). Its name is the path of its folder under `attempts/`, and nobody
 * can tell it before the job is decided on: what ran before could else leave records there.
 */
import type { BudgetUse } from './budget.ts';
import type { NotifyChannel } from './notify.ts';
import type { Origin } from './origin.ts';
import type { Plan, PlanSource } from './plan.ts';
import type { CapturedRepository } from './repository.ts';
import type { Judge, TaskSpec } from './spec.ts';
import type { BlockReason, Outcome, StoppedBy, StopReason, WaitReason } from './status.ts';

/** What the user wants of a task; separate from what is. */
export type Want = 'run' | 'stop' | 'cancel';

export interface Finding {
  kind: string;
  path: string | null;
  line: number | null;
  text: string;
}

/** Proof of one gate, kept for ever: what was run, on what, with which result. */
export interface GateEvidence {
  name: string;
  kind: 'clean' | 'diff' | 'setup' | 'run' | 'review' | 'qa';
  passed: boolean;
  /** Failed already before the first subtask, and `baseline: allow`. */
  tolerated: boolean;
  reason: string | null;
  needs_person: boolean;
  findings: Finding[];
  argv: string[] | null;
  code: number | null;
  duration_ms: number | null;
  /** sha256 of the kept output, and the end of it (at most 200 lines and 16 KiB). */
  log_sha256: string | null;
  log_tail: string | null;
  commit: string | null;
  tree: string | null;
}

/**
 * What an agent said in its result file, or its program about the session. A claim: only `blocked` and its like have
 * force. `startup` and `session_lost` are never the agent's own words: its program refused to begin.
 */
export interface Claim {
  status:
    | 'done'
    | 'blocked'
    | 'limit'
    | 'overloaded'
    | 'network'
    | 'auth'
    | 'context'
    | 'budget'
    | 'startup'
    | 'session_lost';
  summary: string;
  retry_at: string | null;
  decisions: string[];
  learnings: string[];
  verdict: 'approved' | 'changes_requested' | null;
  issues: string[];
  /** What it found and left for later. Absent in older journals. */
  followups?: string[];
  input_tokens: number;
  output_tokens: number;
}

/** What the program of an agent says about its session. Kept to be looked up; what follows from it is in the claim. */
export interface SessionFacts {
  backend: string;
  /** Its own ids, for its own commands and transcripts. */
  ids: string[];
  /** A later process can go on with the last of them. Absent in older journals: it cannot. */
  resumable?: boolean;
  outcome: string;
  /** event, text or exit: what says so. */
  evidence: string;
  usage: {
    input_tokens: number;
    cached_input_tokens: number;
    output_tokens: number;
    cost_usd: number | null;
    /** The session was cut off: at least this much. */
    partial: boolean;
  } | null;
  /** The model answered something. Absent in older journals: nobody looked. */
  heard?: boolean;
  /** Tools that it was refused. */
  denied: string[];
  /** Events that this version of rasen does not know. */
  unknown: Record<string, number>;
  /** Lines that could not be read. */
  unreadable: number;
}

export interface SealedFacts {
  commit: string;
  tree: string;
  changed: boolean;
  commits: number;
  leftovers: number;
  on_branch: boolean;
  descends: boolean;
  unmerged: string[];
  /** Files of git's that were special files, as sentences. Absent in older journals. */
  special?: string[];
  /** As in attempt_prepared, of what was left. */
  setup?: string;
  /** What no commit can hold, with a sentence that begins with the path. Absent in older journals. */
  left_out?: { path: string; why: string }[];
  /** Commits that the result does not reach, with what named them; they have refs of the task. Absent in older journals. */
  elsewhere?: { name: string; commit: string }[];
  /** What changed in the user's own side of the repository meanwhile, as sentences. Absent in older journals. */
  meanwhile?: string[];
  /** … and what of it an attempt in a linked worktree may have done, and nobody but a person can judge. */
  meddled?: string[];
}

interface Of {
  /** The user's order, durable. `spec` is kept beside the journal as an artifact. */
  task_submitted: { spec: TaskSpec };
  /** A supervisor took the task; epoch + 1. */
  task_claimed: { host: string; incarnation: string; boot: string };
  /** A person (or a script) asked; `op` makes a repeated request harmless. */
  want_changed: { want: Want; force: boolean; op: string | null; by: StoppedBy };
  plan_frozen: { plan: Plan; sha256: string; rev: number; source: PlanSource };
  /** The user's repository as it was at submit, before any attempt. Absent in older journals. */
  repository_captured: { repository: CapturedRepository };
  workspace_ready: { base: string; branch: string; path: string };
  /** Intent: attempt `n` of a step will be made, starting from commit `from`. */
  attempt_created: {
    step: string;
    n: number;
    nonce: string;
    from: string | null;
    work: boolean;
    /** The session of its predecessor that it goes on with; null, and absent in older journals: a new one. */
    resume?: string | null;
    /** Name of its job. Absent in older journals: `step/n`. */
    job?: string;
  };
  /**
   * Folder, worktree and prompt are ready; nothing has been spawned. `record_key`: what the records of its runner are
   * signed with (runner/record-key.ts). Absent in older journals: they are not signed, and count all the same. `setup`: the
   * key of what `setup` reads at the commit that the attempt starts from (setup.ts); absent in older journals, outside git
   * and without a `setup`.
   */
  attempt_prepared: { step: string; n: number; record_key?: string; setup?: string };
  /** It will be launched by another supervisor than prepared it, which signs with another key. Either counts. */
  record_key_drawn: { step: string; n: number; record_key: string };
  /**
   * `cage`: how its processes are held together; `sandbox`: what holds it within its limits, null: nothing does; `talks`:
   * notes can be said to it. All absent in older journals.
   */
  attempt_started: {
    step: string;
    n: number;
    pid: number;
    cage?: string | null;
    sandbox?: string | null;
    talks?: boolean;
  };
  attempt_stopping: {
    step: string;
    n: number;
    reason: StopReason;
    /** The budget that is used up. Absent in older journals. */
    over?: BudgetUse | null;
    /** The call that goes in circles. Absent in older journals. */
    loop?: string | null;
  };
  /** The work is over and its cage is empty. `ended_at` is when it ended, not when it was found. */
  attempt_ended: {
    step: string;
    n: number;
    outcome: Outcome;
    code: number | null;
    signal: number | null;
    ended_at: string;
    output_bytes: number;
    dropped_bytes: number;
    message: string | null;
    claim: Claim | null;
    /** What it used, where its cage counts. Absent in older journals. */
    cpu_ms?: number | null;
    memory_peak_bytes?: number | null;
    /** Of an agent that says something about its sessions. Absent in older journals. */
    session?: SessionFacts | null;
    /** Hosts that its sandbox refused, as `name:port`. Absent: none. */
    unreached?: string[];
  };
  /** What the attempt left is committed and kept under its ref. */
  attempt_sealed: { step: string; n: number; sealed: SealedFacts };
  /** `record_key` as in attempt_prepared; `job` absent in older journals: `step/n/gates/gate.try`. */
  gate_started: {
    step: string;
    n: number;
    gate: number;
    try: number;
    nonce: string;
    job?: string;
    record_key?: string;
  };
  /** It was launched only now, `ms` later than it was meant to: its time runs since then. */
  gate_delayed: { step: string; n: number; gate: number; try: number; ms: number };
  /** The gate could not be judged (killed, lost) and will be run again. */
  gate_dropped: {
    step: string;
    n: number;
    gate: number;
    try: number;
    outcome: Outcome;
    /** Last sign of life, not when it was found. */
    ended_at: string;
    /** Of review and QA; as in attempt_ended. */
    session?: SessionFacts | null;
    /** As in gate_ended. */
    claimed?: Pick<Claim, 'input_tokens' | 'output_tokens'> | null;
    /** What it is not run again before; the attempt with its work stays open. As in attempt_closed. Absent in older journals. */
    hold?: {
      reason: string | null;
      retry_at: string | null;
      wait: WaitReason | null;
      block: { why: BlockReason; message: string } | null;
    };
  };
  gate_ended: {
    step: string;
    n: number;
    gate: number;
    try: number;
    evidence: GateEvidence;
    /** Of review and QA; as in attempt_ended. */
    session?: SessionFacts | null;
    /** What a judge itself wrote down that it used. Absent in older journals. */
    claimed?: Pick<Claim, 'input_tokens' | 'output_tokens'> | null;
  };
  /**
   * Somebody wrote into the records of a job who was not its runner. They did not count; this is the evidence. `gate`: its
   * number, null for work, during which or by which it was done.
   */
  records_forged: { step: string; n: number; gate: number | null; what: string[] };
  /** The attempt is done with; its final outcome, and when the step may be tried again. */
  attempt_closed: {
    step: string;
    n: number;
    outcome: Outcome;
    reason: string | null;
    retry_at: string | null;
    /** Why `retry_at` is a wait that the task shows, and not a short pause. */
    wait: WaitReason | null;
    /** A person is needed before the step may be tried again. */
    block: { why: BlockReason; message: string } | null;
    /** What a session used that was taken for one that did not start. Absent in older journals. */
    session?: SessionFacts | null;
  };
  step_completed: { step: string; commit: string | null; good: number | null };
  step_failed: { step: string; reason: string };
  step_skipped: { step: string; reason: string };
  /** A person asked for the step to be done again. */
  step_reset: { step: string; reason: string };
  rolled_back: { commit: string; steps: string[] };
  task_started: Record<never, never>;
  task_waiting: { why: WaitReason; resume_at: string; message: string };
  /** A budget of the task, or of the day, is used up to four fifths; said once for each. */
  budget_nearly_used: BudgetUse;
  task_interrupted: { by: StoppedBy };
  task_blocked: {
    why: BlockReason;
    message: string;
    subtask: string | null;
    /** When it is looked at again by itself. Absent in older journals. */
    retry_at?: string | null;
  };
  /** It was time to look whether the agent is logged in by now: what is blocked for that may be tried. */
  login_retried: Record<never, never>;
  /** interrupted or blocked → pending, with a fresh allowance of attempts and time, and without the judges in `skip`. */
  task_resumed: { skip?: readonly Judge[] };
  task_completed: { verified: boolean; commit: string | null };
  task_failed: { reason: string; subtask: string | null };
  task_cancelled: Record<never, never>;
  /**
   * Words for the agents, numbered from 1. Of the user: for the session that runs, or the next ones. Of rasen (`to`): for
   * one attempt alone. `op` makes a repeated request harmless.
   */
  note_added: {
    note: number;
    text: string;
    by: 'user' | 'rasen';
    to: { step: string; n: number } | null;
    op: string | null;
  };
  /** Somebody asked for what only a person may ask for, or only about tasks of his own; nothing was done. */
  request_refused: { method: string; reason: string };
  /** An attempt has the note: it was said to its session, or stands in its prompt. */
  note_told: { note: number; step: string; n: number; how: 'live' | 'prompt' };
  /**
   * The wall clock moved by `ms` against the monotonic one. `slept_ms`: the machine slept, which is that much of it; the
   * rest is what somebody set. Deadlines move along. Absent in older journals.
   */
  clock_jumped: { ms: number; slept_ms?: number };
  /** A person was told of something (notices.ts), or that was tried. `failed` as in the ledger there. */
  notified: { key: string; ok: boolean; detail: string | null; failed?: NotifyChannel[] };
  merge_requested: { op: string; into: string | null; squash: boolean };
  merge_refused: {
    op: string;
    kind: string;
    message: string;
    hint: string | null;
    data: Record<string, unknown>;
  };
  merged: {
    op: string;
    into: string;
    before: string;
    commit: string;
    fast_forward: boolean;
    gates: GateEvidence[];
  };
}

export type EventType = keyof Of;
/** An event before the journal gave it number and time. `origin`: of the first event of a request; absent in older journals. */
export type NewEvent = { [T in EventType]: { type: T; origin?: Origin } & Of[T] }[EventType];
export interface Stamp {
  seq: number;
  /** Wall clock, RFC 3339 UTC. */
  t: string;
  /** Monotonic clock of the host since boot, milliseconds. */
  mono: number;
  /** Milliseconds that the host has slept since boot, which `mono` does not count. Absent: none, or not known. */
  slept?: number;
  epoch: number;
}
export type Event = NewEvent & Stamp;
export type EventOf<T extends EventType> = Extract<Event, { type: T }>;

/** Every type, for readers that must refuse what a newer rasen wrote. */
export const EVENT_TYPES: Readonly<Record<EventType, true>> = {
  task_submitted: true,
  task_claimed: true,
  want_changed: true,
  plan_frozen: true,
  repository_captured: true,
  workspace_ready: true,
  attempt_created: true,
  attempt_prepared: true,
  record_key_drawn: true,
  attempt_started: true,
  attempt_stopping: true,
  attempt_ended: true,
  attempt_sealed: true,
  gate_started: true,
  gate_delayed: true,
  gate_dropped: true,
  gate_ended: true,
  records_forged: true,
  attempt_closed: true,
  step_completed: true,
  step_failed: true,
  step_skipped: true,
  step_reset: true,
  rolled_back: true,
  task_started: true,
  task_waiting: true,
  budget_nearly_used: true,
  task_interrupted: true,
  task_blocked: true,
  login_retried: true,
  task_resumed: true,
  task_completed: true,
  task_failed: true,
  task_cancelled: true,
  note_added: true,
  request_refused: true,
  note_told: true,
  clock_jumped: true,
  notified: true,
  merge_requested: true,
  merge_refused: true,
  merged: true,
};
