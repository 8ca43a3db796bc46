/** The state of a task: what a fold over its events gives. Plain data, cheap to copy, safe to serialize. */
import type { BudgetUse } from '../contract/budget.ts';
import type { Claim, GateEvidence, SealedFacts, Want } from '../contract/event.ts';
import type { Plan } from '../contract/plan.ts';
import type { CapturedRepository } from '../contract/repository.ts';
import type { TaskSpec } from '../contract/spec.ts';
import type {
  AttemptPhase,
  BlockReason,
  Outcome,
  StepStatus,
  StoppedBy,
  StopReason,
  TaskStatus,
  WaitReason,
} from '../contract/status.ts';
import type { Mutation } from './mutation.ts';
import type { Notified } from './notices.ts';
import type { Away } from './relay.ts';
import type { SetupFacts } from './setup.ts';

/**
 * plan: the planner's attempt. setup: readies the worktree. baseline: project gates on the base commit. subtask: of the
 * plan. service: stays up (`keep`). fix: repairs what `final` refused. final: all gates, review and QA in a fresh checkout
 * of the final commit. finally: runs at the end, however that is.
 */
export type StepKind = 'plan' | 'setup' | 'baseline' | 'subtask' | 'service' | 'fix' | 'final' | 'finally';

/** Ids of the steps that are not in the plan; an underscore cannot start a subtask's id. */
export const STEP = {
  plan: '_plan',
  setup: '_setup',
  baseline: '_baseline',
  fix: '_fix',
  final: '_final',
  merge: '_merge',
} as const;

/** What sessions used; dollars where their programs say so. */
export interface Used {
  tokens: number;
  usd: number;
}

/** What was used in a quarter of an hour. */
export interface Spending extends Used {
  t: string;
}

export interface GateRun {
  gate: number;
  try: number;
  nonce: string;
  /** Name of its job; of a gate without a process it is none. */
  job: string;
  /** As of an attempt. */
  record_keys: readonly string[] | null;
  started_at: string;
  /** Tries that ended without a judgement. */
  dropped: number;
  /** null while it runs, or after a drop. */
  evidence: GateEvidence | null;
  live: boolean;
  /** Epoch (supervisor) that started it: another one does not launch what it finds not launched. */
  epoch: number;
  /** Boot of the host in which it was started. */
  boot: string | null;
  /** Milliseconds of clock jumps while it ran. */
  paused_ms: number;
}

export interface Attempt {
  n: number;
  nonce: string;
  /** Name of its job. */
  job: string;
  /** The keys that its runner may sign with, by commitment; null: of before there were keys, unsigned records count. */
  record_keys: readonly string[] | null;
  phase: AttemptPhase;
  /** Whether there is a process at all; a check has only gates. */
  work: boolean;
  /** Boot of the host in which it was created: another one now, and what was not durable then may be gone. */
  boot: string | null;
  /** Commit it started from; null outside git. */
  from: string | null;
  /** Who works, as in attempt_created. Absent: the configured agent. */
  agent?: number;
  /** The session that it goes on with; null: a new one. */
  resume: string | null;
  /** Its prompt has the notes up to this number. */
  notes: number;
  /** Notes can be said to it while it works. */
  talks: boolean;
  /** It was told that its time is running out. */
  hurried: boolean;
  created_at: string;
  /** From now on a runner of it may exist, whether it said so or not. */
  prepared_at: string | null;
  started_at: string | null;
  ended_at: string | null;
  pid: number | null;
  /** Kind of the cage it runs in; null: not known. */
  cage: string | null;
  /** Kind of the sandbox that its program is in; null: none, or it is of a journal that does not say. */
  sandbox: string | null;
  stop_reason: StopReason | null;
  /** The budget that was used up, and the call that went in circles, where it was stopped for that. */
  over: BudgetUse | null;
  loop: string | null;
  /** Of a service: what was found when it was looked at. Absent: nothing. */
  why?: string;
  /** By its work and its judges; and what of it was used before a person allowed as much again. */
  used: Used;
  used_before: Used;
  outcome: Outcome | null;
  code: number | null;
  signal: number | null;
  output_bytes: number;
  dropped_bytes: number;
  message: string | null;
  claim: Claim | null;
  /** Hosts that its sandbox refused. Absent: none. */
  unreached?: string[];
  sealed: SealedFacts | null;
  /** Key of what `setup` reads at `from`. Absent: of an older journal, or there is nothing to set up. */
  setup?: string;
  /** Of the final check, as in attempt_prepared. */
  base_config?: string[];
  sources?: number;
  /** Its gates begin with `setup` in the worktree, since what it left is not what was set up. Absent: they do not. */
  sets_up?: boolean;
  gates: GateRun[];
  /** Why its next judge could not judge, how often in a row, and since when; null: nothing of that. */
  held: { outcome: Outcome; since: string; times: number } | null;
  /** Of the planner's attempt: its plan is frozen already. */
  accepted: boolean;
  /** Milliseconds of clock jumps while it ran; deadlines move by them. */
  paused_ms: number;
}

/** The session of a step's last attempt, where a later process can go on with it. */
export interface KnownSession {
  backend: string;
  id: string;
  /** When it was last worked in. */
  at: string;
  /** It was gone on with already. */
  resumed: boolean;
}

/** Words to the agents: of the user's, or of rasen's; `to`: for one attempt alone. */
export interface Note {
  note: number;
  t: string;
  text: string;
  by: 'user' | 'rasen';
  to: { step: string; n: number } | null;
  /** The request that it came with. */
  op: string | null;
  told: { step: string; n: number; how: 'live' | 'prompt'; t: string } | null;
}

/** What stays of a closed attempt in the state; the rest is in the journal. */
export interface AttemptRecord {
  n: number;
  job: string;
  /** Who worked. Absent: the configured agent. */
  agent?: number;
  /** false: only gates were asked. */
  work: boolean;
  outcome: Outcome;
  /** It used up one of the subtask's attempts. */
  counted: boolean;
  reason: string | null;
  started_at: string;
  ended_at: string;
  /** What the wall clock was set by since it ended, in ms. Absent: it was not. */
  set_ms?: number;
  code: number | null;
  commit: string | null;
  tree: string | null;
  /** The last good commit when it was closed. */
  good: string | null;
  changed: boolean;
  summary: string | null;
  /** As in Attempt. */
  unreached?: string[];
  /** End of the output of the gate that refused it. */
  gate: string | null;
  gate_tail: string | null;
  /** What the judge that refused it named, one by one. Absent: no judge did, or it named nothing. */
  issues?: readonly string[];
  input_tokens: number;
  output_tokens: number;
}

export interface Step {
  id: string;
  kind: StepKind;
  status: StepStatus;
  /** Number of the last attempt. */
  attempts: number;
  /** Attempts that used up the allowance. */
  counted: number;
  /** Attempts in a row that were lost (not with their machine), and those that changed nothing. */
  lost: number;
  no_commit: number;
  /** By all attempts, and how much of that before a person allowed as much again. */
  used: Used;
  used_before: Used;
  /** Attempts that ended for a passing reason (limit, overloaded, network) in a row; drives the backoff. */
  passing: number;
  attempt: Attempt | null;
  session: KnownSession | null;
  /** What the last attempt, which ended well, is good for; until the step is completed with it. */
  passed: { commit: string | null; good: boolean } | null;
  /** Not before this time. */
  retry_at: string | null;
  wait: WaitReason | null;
  /** A person is needed first. */
  block: { why: BlockReason; message: string } | null;
  commit: string | null;
  reason: string | null;
  completed_at: string | null;
  history: AttemptRecord[];
  /** Trees seen at the end of attempts; a new one is progress. */
  trees: string[];
  /** Of a service. Absent: it is none, or was never begun. */
  service?: ServiceFacts;
}

/** What is known of a service beside its attempts. */
export interface ServiceFacts {
  /** null: none is known. */
  port: number | null;
  /** Since when it is ready; null: it is not. */
  ready_at: string | null;
  /** Starts since a person last said go on. */
  starts: number;
  /** Ends that were no wish of ours, since then; the latest ones. */
  failed_at: string[];
  /** Those in a row without a minute of being ready between: the backoff. */
  row: number;
}

/** Closed attempts that stay in the state per step. */
export const MAX_HISTORY = 100;

/** That somebody wrote into the records of a job who was not its runner. */
export interface Forgery {
  step: string;
  n: number;
  gate: number | null;
  what: string[];
  t: string;
}

/** Forgeries that stay in the state; all of them are in the journal. */
export const MAX_FORGERIES = 20;

export interface GoodCommit {
  k: number;
  commit: string;
  step: string;
  t: string;
}

/** Why what a person asked for could not be done. */
export interface Refusal {
  op: string;
  kind: string;
  message: string;
  hint: string | null;
  data: Record<string, unknown>;
}

export interface TaskState {
  id: string;
  spec: TaskSpec;
  plan: Plan | null;
  plan_sha256: string | null;
  plan_rev: number;
  seq: number;
  epoch: number;
  host: string | null;
  boot: string | null;
  want: Want;
  want_by: StoppedBy;
  force: boolean;
  op: string | null;
  status: TaskStatus;
  created_at: string;
  started_at: string | null;
  updated_at: string;
  ended_at: string | null;
  steps: Step[];
  /** The user's repository at submit. Null, and absent in older snapshots: it was not recorded. */
  repository?: CapturedRepository | null;
  workspace: { base: string; branch: string; path: string } | null;
  /** What is known of `setup` in the worktree. Absent: nothing, as in older snapshots. */
  setup?: SetupFacts;
  /**
   * Attempts whose work may lie in the worktree and is in no commit of ours: until they are sealed, nobody resets or removes
   * it.
   */
  unsealed: { step: string; n: number }[];
  /** What the last attempts left that no commit can hold. Absent in older snapshots. */
  left_out?: { path: string; why: string }[];
  /** What changed in the user's repository meanwhile and its checkout does not explain, as sentences. Absent: nothing. */
  meanwhile?: string[];
  good: GoodCommit[];
  /** Attempts made, of all steps, and how many of them before the last resume. */
  iterations: number;
  iterations_before: number;
  total_commits: number;
  consecutive_failures: number;
  /** End of the last attempt of any step; the pause between two attempts counts from here. */
  last_closed_at: string | null;
  /** until: latest end of a job that is known, since `since`. */
  active: { live: number; since: string | null; until: string | null; total_ms: number; before_ms: number };
  input_tokens: number;
  output_tokens: number;
  /** Of all sessions whose program says what they cost; null: none did. */
  cost_usd: number | null;
  /** What was used before a person allowed as much again. */
  used_before: Used;
  /** By each agent of the list, by its place, with the judges of its attempts. Absent: there is one. */
  used_by?: Record<number, Used>;
  /** Agents of the list whose service is away. Absent: none is known to be. */
  away?: Record<number, Away>;
  /** What was used lately; the sum of a day over all tasks is made of it. */
  spending: Spending[];
  /** Budgets of which it was said that they are nearly used up. */
  warned: string[];
  memory: {
    decisions: { subtask_id: string; content: string }[];
    learnings: { subtask_id: string; content: string }[];
  };
  /** The last ones; how many there ever were. */
  notes: Note[];
  notes_made: number;
  /** The task from inside which it was submitted. Absent: none, or an older snapshot. */
  parent?: string;
  /** Tasks that were submitted from inside it, and whose end is not known here yet. Absent: none ever were. */
  handed?: { task: string; tell: boolean }[];
  /** What those have used that are over: it counts against the budgets of this task. Absent: nothing. */
  handed_used?: Used;
  /** Names of project gates that failed on the base commit under `baseline: allow`. */
  tolerated: string[];
  /** All that did, whatever became of them. Absent: none. */
  failed_before?: string[];
  /** Commit whose result with the tests of the base commit a person has accepted, by going on from the block. */
  accepted: string | null;
  /** Commit whose gate configuration a person has accepted, in the same way. Absent: that of the base commit counts. */
  approved?: string;
  /** What the last final check found out about whether a gate sees the change. Absent: it was not asked. */
  mutation?: Mutation;
  /** Issues that QA and review named, with how often; the recurring ones escalate. */
  issues: Record<string, number>;
  /** Since when the agent is not logged in, and how often that was looked at again; null: nobody knows it to be so. */
  login: { since: string; tries: number } | null;
  /** How often a person said go on, and the last restart of the machine that the task went on after. */
  /** How often it was over and went on, since a subtask is done again. Absent: never. */
  reopened?: number;
  resumes: number;
  rebooted: { boot: string; t: string } | null;
  forgeries: Forgery[];
  /** What a person was told, oldest first. */
  notified: Notified[];
  /** A rollback that is under way. Absent: none is; so is the refusal where the last one was not refused. */
  rollback?: { op: string; commit: string; steps: string[] };
  rollback_refused?: Refusal;
  merge: { op: string; into: string | null; squash: boolean } | null;
  merged: { into: string; commit: string; t: string } | null;
  merge_refused: Refusal | null;
  last_jump_at: string | null;
  /** Wall minus monotonic clock at the last event, to see jumps across a restart. */
  clock_offset_ms: number | null;
  /** What the host had slept since its boot at the last event. Absent: nothing. */
  slept_ms?: number | undefined;
}

export function stepOf(state: TaskState, id: string): Step {
  const step = state.steps.find(s => s.id === id);
  if (!step) throw new Error(`task ${state.id} has no step ${id}`);
  return step;
}

/** Job name (folder under attempts/) of an attempt's work, and of one try of one of its gates: for those who decide on them. */
export function workJob(step: string, n: number, nonce: string): string {
  return `${step}/${n}-${nonce}`;
}
export function gateJob(attempt: Pick<Attempt, 'job'>, gate: number, tries: number, nonce: string): string {
  return `${attempt.job}/gates/${gate}.${tries}-${nonce}`;
}

/** The same in journals of before names had a nonce. */
export function oldWorkJob(step: string, n: number): string {
  return `${step}/${n}`;
}
export function oldGateJob(attempt: Pick<Attempt, 'job'>, gate: number, tries: number): string {
  return `${attempt.job}/gates/${gate}.${tries}`;
}

export interface OpenJob {
  step: Step;
  attempt: Attempt;
  /** null: the work of the attempt. */
  gate: GateRun | null;
  nonce: string;
  record_keys: readonly string[] | null;
}

/** The job of this name, where its attempt is open. */
export function openJob(state: TaskState, name: string): OpenJob | null {
  for (const step of state.steps) {
    const { attempt } = step;
    if (!attempt) continue;
    if (attempt.job === name) return { step, attempt, gate: null, ...signed(attempt) };
    const gate = attempt.gates.find(({ job }) => job === name);
    if (gate) return { step, attempt, gate, ...signed(gate) };
  }
  return null;
}

const signed = ({ nonce, record_keys }: Attempt | GateRun) => ({ nonce, record_keys });
