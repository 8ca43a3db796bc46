/**
 * Events: what happened to a task, one numbered fact each. The journal is a list of these and nothing else; every
 * state is a fold over them. A field is only ever added; a meaning never changes (store/migrate.ts has the versions).
 *
 * A job is one thing that runs in a cage: the work of an attempt (`build/1-NONCE`) or one of its gates
 * (`build/1-NONCE/gates/2.1-NONCE`: gate 2, first try). Its name is the path of its folder under `attempts/`, and nobody
 * can tell it before the job is decided on: what ran before could else leave records there.
 *
 * A journal is read with these schemas, and event.follow is documented by them. Fields that older journals do not have
 * are optional.
 */
import * as z from 'zod';
import { BUDGETS } from './budget.ts';
import { NOTIFY_CHANNELS } from './notify.ts';
import type { Origin } from './origin.ts';
import { type Plan, planSource } from './plan.ts';
import { capturedRepository } from './repository.ts';
import { JUDGES, type TaskSpec } from './spec.ts';
import { BLOCK_REASONS, OUTCOMES, STOP_REASONS, STOPPED_BY, WAIT_REASONS } from './status.ts';

const text = z.string();
const maybe = z.string().nullable();
const count = z.int().min(0);
const step = z.string().describe('Id of the step.');
const n = z.int().min(1).describe('Number of the attempt among those of the step.');
const attempt = { step, n };
const gate = z.int().min(0).describe('Number of the gate among those of the step, from 0.');
const gateRun = { ...attempt, gate, try: z.int().min(1) };
const time = z.string().describe('RFC 3339, UTC.');
const record_key = text
  .optional()
  .describe(
    'What the records of its runner are signed with. Absent: they are not signed, and count all the same.',
  );

const want = z.enum(['run', 'stop', 'cancel']);
/** What the user wants of a task; separate from what is. */
export type Want = z.infer<typeof want>;

const finding = z.object({ kind: text, path: maybe, line: z.number().nullable(), text });
export type Finding = z.infer<typeof finding>;

export const gateEvidence = z
  .object({
    name: text,
    kind: z.enum(['clean', 'diff', 'setup', 'run', 'review', 'qa']),
    passed: z.boolean(),
    tolerated: z.boolean().describe('It failed already before the first subtask, and `baseline: allow`.'),
    reason: maybe,
    needs_person: z.boolean(),
    findings: z.array(finding),
    argv: z.array(text).nullable(),
    code: z.number().nullable(),
    duration_ms: z.number().nullable(),
    log_sha256: maybe.describe('Of the kept output.'),
    log_tail: maybe.describe('The end of it: at most 200 lines and 16 KiB.'),
    commit: maybe,
    tree: maybe,
  })
  .describe('Proof of one gate, kept for ever: what was run, on what, with which result.');
export type GateEvidence = z.infer<typeof gateEvidence>;

/**
 * What an agent said in its result file, or its program about the session. A claim: only `blocked` and its like have
 * force. `startup` and `session_lost` are never the agent's own words: its program refused to begin.
 */
export const claim = z.object({
  status: z.enum([
    'done',
    'blocked',
    'limit',
    'overloaded',
    'network',
    'auth',
    'context',
    'budget',
    'startup',
    'session_lost',
  ]),
  summary: text,
  retry_at: maybe,
  decisions: z.array(text),
  learnings: z.array(text),
  verdict: z.enum(['approved', 'changes_requested']).nullable(),
  issues: z.array(text),
  followups: z.array(text).optional().describe('What it found and left for later.'),
  input_tokens: z.number(),
  output_tokens: z.number(),
});
export type Claim = z.infer<typeof claim>;
const claimed = claim.pick({ input_tokens: true, output_tokens: true }).nullable().optional();

/** What the program of an agent says about its session. Kept to be looked up; what follows from it is in the claim. */
export const sessionFacts = z.object({
  backend: text,
  ids: z.array(text).describe('Its own ids, for its own commands and transcripts.'),
  resumable: z
    .boolean()
    .optional()
    .describe('A later process can go on with the last of them. Absent: it cannot.'),
  outcome: text,
  evidence: text.describe('event, text or exit: what says so.'),
  usage: z
    .object({
      input_tokens: z.number(),
      cached_input_tokens: z.number(),
      output_tokens: z.number(),
      cost_usd: z.number().nullable(),
      partial: z.boolean().describe('The session was cut off: at least this much.'),
    })
    .nullable(),
  heard: z.boolean().optional().describe('The model answered something. Absent: nobody looked.'),
  denied: z.array(text).describe('Tools that it was refused.'),
  unknown: z.record(text, z.number()).describe('Events that this version of rasen does not know.'),
  unreadable: z.number().describe('Lines that could not be read.'),
});
export type SessionFacts = z.infer<typeof sessionFacts>;
const session = sessionFacts
  .nullable()
  .optional()
  .describe('Of an agent that says something about its sessions.');

export const sealedFacts = z.object({
  commit: text,
  tree: text,
  changed: z.boolean(),
  commits: z.number(),
  leftovers: z.number(),
  on_branch: z.boolean(),
  descends: z.boolean(),
  unmerged: z.array(text),
  special: z.array(text).optional().describe('Files of git’s that were special files, as sentences.'),
  setup: text.optional().describe('As in attempt_prepared, of what was left.'),
  base_config: z
    .array(text)
    .optional()
    .describe('As in attempt_prepared, where the attempt itself changed one of them.'),
  left_out: z
    .array(z.object({ path: text, why: text }))
    .optional()
    .describe('What no commit can hold, with a sentence that begins with the path.'),
  elsewhere: z
    .array(z.object({ name: text, commit: text }))
    .optional()
    .describe('Commits that the result does not reach, with what named them; they have refs of the task.'),
  pushed: z
    .array(text)
    .optional()
    .describe('What was pushed to remotes, as sentences. Absent: nothing, as far as git tells.'),
  meanwhile: z
    .array(text)
    .optional()
    .describe('What changed in the user’s own side of the repository meanwhile, as sentences.'),
  unexplained: z
    .array(text)
    .optional()
    .describe(
      '… and what of it is a loss or a setting that the log of the user’s checkout does not explain.',
    ),
  meddled: z
    .array(text)
    .optional()
    .describe('… and what of it an attempt in a linked worktree may have done, and only a person can judge.'),
});
export type SealedFacts = z.infer<typeof sealedFacts>;

export const budgetUse = z.object({
  budget: z.enum(BUDGETS),
  used: z.number(),
  limit: z.number(),
  until: maybe.describe('When a budget of a day is whole again. null: when a person says so.'),
});

const block = z.object({ why: z.enum(BLOCK_REASONS), message: text }).nullable();
const wait = z.enum(WAIT_REASONS).nullable();
const outcome = z.enum(OUTCOMES);

/**
 * Specs and plans are written once and by value. Those of older versions lack what could not be said then
 * (engine/complete.ts fills it in), so only what all of them have is looked at here.
 */
const kept = z.looseObject({ version: z.literal(1) });
const keptSpec = kept.extend({ id: text, name: text, goal: text, project: text });
const keptPlan = kept.extend({ subtasks: z.array(z.looseObject({ id: text })).min(1) });

/** What each type of event carries. */
const PAYLOADS = {
  task_submitted: z
    .object({ spec: keptSpec as unknown as z.ZodType<TaskSpec> })
    .describe('The user’s order, durable. In the journal the spec is a file of its own.'),
  task_claimed: z
    .object({ host: text, incarnation: text, boot: text })
    .describe('A supervisor took the task; its epoch is one more from here on.'),
  want_changed: z
    .object({ want, force: z.boolean(), op: maybe, by: z.enum(STOPPED_BY) })
    .describe('A person (or a script) asked; `op` makes a repeated request harmless.'),
  plan_frozen: z
    .object({
      plan: keptPlan as unknown as z.ZodType<Plan>,
      sha256: text,
      rev: z.int().min(1),
      source: planSource,
    })
    .describe('The plan from here on. In the journal it is a file of its own.'),
  repository_captured: z
    .object({ repository: capturedRepository })
    .describe('The user’s repository as it was at submit, before any attempt. Absent in older journals.'),
  workspace_ready: z
    .object({ base: text, branch: text, path: text })
    .describe('The folder in which the task works is made.'),
  attempt_created: z
    .object({
      ...attempt,
      nonce: text,
      from: maybe,
      work: z.boolean(),
      resume: maybe
        .optional()
        .describe('The session of its predecessor that it goes on with. null and absent: a new one.'),
      job: text.optional().describe('Name of its job. Absent: `step/n`.'),
      agent: z
        .number()
        .optional()
        .describe('Who works: its place among the agents of `relay`, from 1. Absent: the configured one.'),
    })
    .describe('Intent: attempt `n` of a step will be made, starting from commit `from`.'),
  attempt_prepared: z
    .object({
      ...attempt,
      record_key,
      setup: text
        .optional()
        .describe(
          'The key of what `setup` reads at the commit that the attempt starts from. Absent outside git, without a `setup`, and in older journals.',
        ),
      base_config: z
        .array(text)
        .optional()
        .describe(
          'Of the final check: files that decide what gates mean and are not as a person knows them. Absent: none.',
        ),
      sources: z
        .int()
        .optional()
        .describe('Of the final check: how many files of the source the task changed. Absent: none.'),
      port: z.int().optional().describe('Of a service: its port. Absent: none is known.'),
    })
    .describe('Folder, worktree and prompt are ready; nothing has been spawned.'),
  record_key_drawn: z
    .object({ ...attempt, record_key: text })
    .describe(
      'It will be launched by another supervisor than prepared it, which signs with another key. Either counts.',
    ),
  attempt_started: z
    .object({
      ...attempt,
      pid: z.int(),
      cage: maybe.optional().describe('How its processes are held together.'),
      sandbox: maybe.optional().describe('What holds it within its limits. null: nothing does.'),
      talks: z.boolean().optional().describe('Notes can be said to it.'),
    })
    .describe('Its process runs.'),
  service_ready: z.object({ ...attempt }).describe('A service is ready: what waits for that may begin.'),
  attempt_stopping: z
    .object({
      ...attempt,
      reason: z.enum(STOP_REASONS),
      over: budgetUse.nullable().optional().describe('The budget that is used up.'),
      loop: maybe.optional().describe('The call that goes in circles.'),
      why: text.optional().describe('Of a service: what was found when it was looked at.'),
    })
    .describe('The supervisor ends it.'),
  attempt_ended: z
    .object({
      ...attempt,
      outcome,
      code: z.number().nullable(),
      signal: z.number().nullable(),
      ended_at: time.describe('When it ended, not when it was found.'),
      output_bytes: z.number(),
      dropped_bytes: z.number(),
      message: maybe,
      claim: claim.nullable(),
      cpu_ms: z.number().nullable().optional().describe('Where its cage counts.'),
      memory_peak_bytes: z.number().nullable().optional().describe('Where its cage counts.'),
      session,
      unreached: z
        .array(text)
        .optional()
        .describe('Hosts that its sandbox refused, as `name:port`. Absent: none.'),
    })
    .describe('The work is over and its cage is empty.'),
  attempt_sealed: z
    .object({ ...attempt, sealed: sealedFacts })
    .describe('What the attempt left is committed and kept under its ref.'),
  gate_started: z
    .object({
      ...gateRun,
      nonce: text,
      job: text.optional().describe('Absent: `step/n/gates/gate.try`.'),
      record_key,
    })
    .describe('A gate is run.'),
  gate_delayed: z
    .object({ ...gateRun, ms: z.number() })
    .describe('It was launched only now, `ms` later than it was meant to: its time runs since then.'),
  gate_dropped: z
    .object({
      ...gateRun,
      outcome,
      ended_at: time.describe('Last sign of life, not when it was found.'),
      session,
      claimed,
      hold: z
        .object({ reason: maybe, retry_at: maybe, wait, block })
        .optional()
        .describe('What it is not run again before; the attempt with its work stays open.'),
    })
    .describe('The gate could not be judged (killed, lost) and will be run again.'),
  gate_ended: z
    .object({
      ...gateRun,
      evidence: gateEvidence,
      session,
      claimed: claimed.describe('What a judge itself wrote down that it used.'),
    })
    .describe('The gate has a result.'),
  records_forged: z
    .object({
      ...attempt,
      gate: gate.nullable().describe('Its number; null: during or by the work.'),
      what: z.array(text),
    })
    .describe(
      'Somebody wrote into the records of a job who was not its runner. They did not count; this is the evidence.',
    ),
  attempt_closed: z
    .object({
      ...attempt,
      outcome,
      reason: maybe,
      retry_at: maybe.describe('When the step may be tried again.'),
      wait: wait.describe('Why `retry_at` is a wait that the task shows, and not a short pause.'),
      block: block.describe('A person is needed before the step may be tried again.'),
      session: session.describe('What a session used that was taken for one that did not start.'),
      away: z
        .object({
          agent: z.number().describe('Its place in the list of `relay`; 0: the configured one.'),
          until: maybe.describe('null: until a person says go on.'),
          outcome,
        })
        .optional()
        .describe(
          'Its agent has no turn until then: another one goes on. Absent: nothing is known against it.',
        ),
    })
    .describe('The attempt is done with; its final outcome.'),
  step_completed: z
    .object({ step, commit: maybe, good: z.number().nullable() })
    .describe('A step is done, and its gates have passed.'),
  step_failed: z.object({ step, reason: text }).describe('A step is given up.'),
  step_skipped: z.object({ step, reason: text }).describe('A step is not done.'),
  step_reset: z.object({ step, reason: text }).describe('A person asked for the step to be done again.'),
  rolled_back: z
    .object({ commit: text, steps: z.array(text) })
    .describe('The task went back to a good commit.'),
  task_started: z.object({}).describe('Work on the task has begun.'),
  task_waiting: z
    .object({ why: z.enum(WAIT_REASONS), resume_at: time, message: text })
    .describe('Nothing can run now; it goes on by itself.'),
  budget_nearly_used: budgetUse.describe(
    'A budget of the task, or of the day, is used up to four fifths; said once for each.',
  ),
  task_interrupted: z.object({ by: z.enum(STOPPED_BY) }).describe('The task was stopped.'),
  task_blocked: z
    .object({
      why: z.enum(BLOCK_REASONS),
      message: text,
      subtask: maybe,
      retry_at: maybe.optional().describe('When it is looked at again by itself.'),
    })
    .describe('A person has to do something first.'),
  login_retried: z
    .object({})
    .describe(
      'It was time to look whether the agent is logged in by now: what is blocked for that may be tried.',
    ),
  task_resumed: z
    .object({ skip: z.array(z.enum(JUDGES)).readonly().optional() })
    .describe('It goes on, with a fresh allowance of attempts and time, and without the judges in `skip`.'),
  env_changed: z
    .object({ names: z.array(text).readonly() })
    .describe(
      'A person handed over other values of these variables; the values are kept beside the journal.',
    ),
  task_completed: z
    .object({ verified: z.boolean(), commit: maybe })
    .describe('Every subtask is done. `verified`: gates of ours, or exit codes we saw, say so.'),
  task_failed: z.object({ reason: text, subtask: maybe }).describe('The task is given up.'),
  task_cancelled: z.object({}).describe('The task was ended for good.'),
  note_added: z
    .object({
      note: z.int().min(1),
      text,
      by: z.enum(['user', 'rasen']),
      to: z.object(attempt).nullable(),
      op: maybe,
    })
    .describe(
      'Words for the agents, numbered from 1: for the session that runs, or the next ones; with `to` for one attempt alone. Of rasen: that time is running out, or what became of a task that was handed over.',
    ),
  task_handed_over: z
    .object({ task: text, tell: z.boolean().describe('Its end is told to the agents of this task.') })
    .describe('Intent: the task will be accepted, which a process of this one has submitted.'),
  handed_over_ended: z
    .object({
      task: text,
      status: z.enum(['completed', 'failed', 'cancelled', 'removed']),
      tokens: z.number().describe('What it has used, with what it has handed over itself.'),
      usd: z.number(),
    })
    .describe('A task that was handed over is over; where that is told, the note is the event before this.'),
  request_refused: z
    .object({ method: text, reason: text })
    .describe(
      'Somebody asked for what only a person may ask for, or only about tasks of his own; nothing was done.',
    ),
  note_told: z
    .object({ note: z.int().min(1), ...attempt, how: z.enum(['live', 'prompt']) })
    .describe('An attempt has the note: it was said to its session, or stands in its prompt.'),
  clock_jumped: z
    .object({
      ms: z.number(),
      slept_ms: z
        .number()
        .optional()
        .describe('The machine slept, which is that much of it; the rest was set.'),
    })
    .describe('The wall clock moved by `ms` against the monotonic one. Deadlines move along.'),
  notified: z
    .object({
      key: text,
      ok: z.boolean(),
      detail: maybe,
      failed: z.array(z.enum(NOTIFY_CHANNELS)).optional().describe('Channels that failed.'),
      final: z.boolean().optional().describe('All that failed refused it for good.'),
    })
    .describe('A person was told of something, or that was tried.'),
  rollback_requested: z
    .object({ op: text, commit: text, steps: z.array(text) })
    .describe('Somebody asked for a rollback of the steps, to the commit; the worktree follows.'),
  rollback_refused: z
    .object({ op: text, kind: text, message: text, hint: maybe, data: z.record(text, z.unknown()) })
    .describe('Nothing was rolled back; why.'),
  merge_requested: z
    .object({ op: text, into: maybe, squash: z.boolean() })
    .describe('Somebody asked for a merge.'),
  merge_refused: z
    .object({ op: text, kind: text, message: text, hint: maybe, data: z.record(text, z.unknown()) })
    .describe('Nothing was merged; why.'),
  merged: z
    .object({
      op: text,
      into: text,
      before: text,
      commit: text,
      fast_forward: z.boolean(),
      gates: z.array(gateEvidence),
    })
    .describe('The result is in the branch `into`.'),
};

/** Own keys only: a payload without fields is no dictionary. */
type Fields<T> = string extends keyof T ? unknown : T;
type Of = { [T in keyof typeof PAYLOADS]: Fields<z.infer<(typeof PAYLOADS)[T]>> };
export type EventType = keyof Of;
/** An event before the journal gave it number and time. `origin`: of the first event of a request; absent in older journals. */
export type NewEvent = { [T in EventType]: { type: T; origin?: Origin } & Of[T] }[EventType];

const stamp = {
  seq: z.int().min(1),
  t: time.describe('Wall clock, RFC 3339 UTC.'),
  mono: z.number().describe('Monotonic clock of the host since boot, milliseconds.'),
  slept: z
    .number()
    .optional()
    .describe('Milliseconds that the host has slept since boot, which `mono` does not count.'),
  epoch: count,
};
export type Stamp = z.infer<z.ZodObject<typeof stamp>>;
export type Event = NewEvent & Stamp;
export type EventOf<T extends EventType> = Extract<Event, { type: T }>;

const origin = z
  .looseObject({ via: text })
  .optional()
  .describe('Who asked, on the first event of a request.');

const schemas = Object.fromEntries(
  Object.entries(PAYLOADS).map(([type, payload]) => [
    type,
    z
      .looseObject({ ...stamp, origin, type: z.literal(type), ...payload.shape })
      .describe(payload.description ?? ''),
  ]),
) as unknown as Record<EventType, z.ZodObject>;

/** Every type, for readers that must refuse what a newer rasen wrote. */
export const EVENT_TYPES = Object.keys(PAYLOADS) as readonly EventType[];
export const isEventType = (type: string): type is EventType => Object.hasOwn(PAYLOADS, type);

/** An event as event.follow sends it: its spec and plan, which have requests of their own, are shortened. */
export const shownEvent = z.discriminatedUnion(
  'type',
  EVENT_TYPES.map(type => {
    const about = schemas[type].description ?? '';
    const shown = schemas[type].extend({ task: text.describe('Id of the task.') }).describe(about);
    if (type === 'task_submitted')
      return shown.extend({ spec: z.looseObject({ id: text, name: text, goal: text }) }).describe(about);
    if (type === 'plan_frozen')
      return shown.extend({ plan: z.looseObject({ subtasks: z.array(text) }) }).describe(about);
    return shown;
  }) as unknown as [z.ZodObject<{ type: z.ZodLiteral<EventType> }>],
);

/** What is wrong with a value that should be an event of a type; null: nothing. Fields that are not known are left in peace. */
export function eventProblem(type: EventType, value: unknown): string | null {
  const { error } = schemas[type].safeParse(value);
  const issue = error?.issues[0];
  return issue ? `${issue.path.join('.') || type}: ${issue.message}` : null;
}
