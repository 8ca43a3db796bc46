/**
 * The view of a task: what `status`, `list` and every other client is shown. The seed's fields by their names
 * (seed-parity 1.1.3), then ours. Pure; built from the state alone, so that a status never waits for anything.
 */
import * as z from 'zod';
import { budgetsSoFar } from './budget.ts';
import type { Trouble } from './effect.ts';
import { gatesOf, isAgentStep, subtaskOf } from './gates-of.ts';
import { openNotes } from './notes.ts';
import { kindOf } from './notices.ts';
import type { Step, TaskState } from './state.ts';
import { isAtRest, isTerminal, isTrouble, type TaskStatusName } from './status.ts';

const time = z.string().describe('RFC 3339, UTC.');

const gateView = z.looseObject({
  name: z.string(),
  status: z.enum(['running', 'passed', 'failed', 'tolerated']),
  reason: z.string().nullable(),
});

const attemptView = z.looseObject({
  n: z.int(),
  phase: z.string(),
  pid: z.int().nullable().describe('Process of the runner, while it lives.'),
  cage: z
    .string()
    .nullable()
    .describe('What holds its processes together: unit or group; see daemon.status.'),
  sandbox: z
    .string()
    .nullable()
    .describe(
      'What keeps its program from the rest of the machine: bubblewrap or seatbelt. null: nothing does.',
    ),
  started_at: time.nullable(),
  outcome: z.string().nullable(),
  commit: z.string().nullable(),
  gates: z.array(gateView),
});

const attemptRecordView = z.looseObject({
  n: z.int(),
  outcome: z.string(),
  reason: z.string().nullable(),
  started_at: time,
  ended_at: time,
  code: z.int().nullable(),
  commit: z.string().nullable(),
});

const notificationView = z.looseObject({
  kind: z.string().describe('completed, failed, blocked, waiting, resumed or budget.'),
  t: time,
  ok: z.boolean(),
  detail: z.string().nullable().describe('Why it was not sent, or not everywhere.'),
});

const subtaskView = z.looseObject({
  id: z.string(),
  title: z.string(),
  description: z.string().describe('What is to be done, in full; the title where nothing more was said.'),
  kind: z
    .string()
    .describe('agent, run, or the name of a step that rasen adds: plan, setup, baseline, fix, final.'),
  status: z.enum(['pending', 'in_progress', 'completed', 'failed', 'skipped']),
  needs: z.array(z.string()),
  attempts: z.int(),
  reason: z.string().nullable(),
  retry_at: time.nullable(),
  commit: z.string().nullable(),
  attempt: attemptView.nullable().describe('The open attempt.'),
  history: z.array(attemptRecordView).describe('Closed attempts.'),
});

const mergingView = z.looseObject({
  into: z.string().nullable().describe('Branch; null: the one that the project has checked out.'),
  squash: z.boolean(),
  gate: z.string().nullable().describe('The gate, or setup, that runs on the result now.'),
  done: z.int().describe('Gates that have passed, of `of`.'),
  of: z.int(),
});
/** How far a merge is. */
export type MergeProgress = Pick<z.infer<typeof mergingView>, 'gate' | 'done' | 'of'>;

/** Of tasks that are on disk and cannot be used: they are listed, and no request but `daemon.gc` takes them. */
export const UNUSABLE_STATUSES = ['damaged', 'newer_format'] as const;

export const taskView = z.looseObject({
  id: z.string(),
  name: z.string(),
  goal: z.string(),
  namesakes: z.int().describe('Other tasks of the same name. A name stands for the newest of them.'),
  status: z
    .enum([
      'pending',
      'running',
      'waiting',
      'interrupted',
      'blocked',
      'completed',
      'failed',
      'cancelled',
      ...UNUSABLE_STATUSES,
    ])
    .describe(
      'damaged and newer_format, in lists alone: the task is on disk and cannot be used; `reason` says what is wrong and what to do.',
    ),
  reason: z.string().nullable().describe('Why it waits, is blocked or failed.'),
  why: z
    .string()
    .nullable()
    .describe(
      'The class of the reason: limit, quiet_hours, disk, lock, machine, service_manager, attempts, config, …',
    ),
  resume_at: time
    .nullable()
    .describe(
      'When a waiting task goes on by itself; null of one that waits for the machine: when that works again.',
    ),
  retry_at: time
    .nullable()
    .describe('Of a blocked task: when it is looked at again by itself; null: only a person goes on.'),
  result: z
    .string()
    .nullable()
    .describe('What the agent of the last completed subtask says it did; null: no agent has said anything.'),
  verified: z
    .boolean()
    .nullable()
    .describe('Of a completed task: checks of ours say so, not only the agent.'),
  exit_code: z.int().nullable().describe('What `rasen wait` returns; null while it runs.'),
  // The seed's fields.
  pid: z
    .int()
    .nullable()
    .describe(
      'Process of the supervisor; null when the task is over, stopped or blocked, or no supervisor runs.',
    ),
  iteration: z.int().describe('Attempts made.'),
  max_iterations: z.int(),
  subtask_id: z.string().nullable(),
  subtask_description: z.string().nullable(),
  current_phase: z.string().nullable(),
  completed_subtasks: z.int(),
  total_subtasks: z.int(),
  total_commits: z.int(),
  last_activity: time,
  started_at: time.nullable(),
  total_duration_seconds: z.int(),
  total_input_tokens: z.int(),
  total_output_tokens: z.int(),
  total_tokens: z.int(),
  total_cost_usd: z
    .number()
    .nullable()
    .describe('What the sessions cost whose program says so; null: none did.'),
  budgets: z
    .array(z.looseObject({ budget: z.string(), used: z.number(), limit: z.number() }))
    .describe(
      'The limits of tokens and dollars of the task and of the subtask at hand, by their names in `limits`, and what ended sessions have used of each.',
    ),
  model: z.string().nullable(),
  review_enabled: z.boolean(),
  qa_enabled: z.boolean(),
  session_timeout: z.number().nullable(),
  // Ours.
  created_at: time,
  ended_at: time.nullable(),
  active_seconds: z.int(),
  project: z.string(),
  branch: z.string().nullable(),
  worktree: z.string().nullable(),
  base: z.string().nullable(),
  commit: z.string().nullable().describe('Last good commit.'),
  merged: z.looseObject({ into: z.string(), commit: z.string(), t: time }).nullable(),
  merging: mergingView.nullable().describe('The merge that is being made; null: none is.'),
  notifications: z.array(notificationView).describe('The last that were sent, or tried.'),
  left_out: z
    .array(z.looseObject({ path: z.string(), why: z.string() }))
    .optional()
    .describe('What attempts left that no commit can hold. Absent where there is nothing.'),
  meanwhile: z
    .array(z.string())
    .optional()
    .describe(
      'What was lost or set in the user’s repository while attempts ran, where its checkout does not explain it. Absent where there is nothing.',
    ),
  forgeries: z
    .array(
      z.looseObject({
        step: z.string(),
        n: z.int(),
        gate: z.int().nullable(),
        what: z.array(z.string()),
        t: time,
      }),
    )
    .describe(
      'Attempts to forge the records of a job: what was found, during which job. None of it counted.',
    ),
  plan_rev: z.int(),
  seq: z.int().describe('Number of the last event; a cursor for event.follow.'),
  notes: z
    .array(z.looseObject({ note: z.int(), t: time, text: z.string() }))
    .describe('What the user has added and no agent has been told yet.'),
  subtasks: z.array(subtaskView),
});

export type TaskView = z.infer<typeof taskView>;
export type SubtaskView = z.infer<typeof subtaskView>;

/** Exit statuses of task-model 9 for a task that does not go on by itself; null: it does. */
export function exitCodeOf(status: TaskStatusName): number | null {
  switch (status) {
    case 'completed':
      return 0;
    case 'failed':
      return 1;
    case 'blocked':
      return 3;
    case 'interrupted':
    case 'cancelled':
      return 130;
    case 'pending':
    case 'running':
    case 'waiting':
      return null;
  }
}

/** Notifications that a view shows. */
const MAX_NOTIFICATIONS = 10;

/** `pid` is that of the supervisor, null: none runs; `now` closes the time of what still runs. */
export function viewOf(state: TaskState, pid: number | null, now: number): TaskView {
  const { spec, status } = state;
  const shown = state.steps.filter(s => s.kind !== 'fix' || s.attempts > 0 || s.status === 'pending');
  const subtasks = state.steps.filter(s => s.kind === 'subtask');
  const current = currentStep(state);
  const active =
    state.active.total_ms + (state.active.since ? Math.max(0, now - Date.parse(state.active.since)) : 0);
  const until = state.ended_at ? Date.parse(state.ended_at) : now;
  return {
    id: state.id,
    name: spec.name,
    goal: spec.goal,
    // The registry knows.
    namesakes: 0,
    status: status.name,
    reason: reasonOf(state),
    why: 'why' in status ? status.why : status.name === 'interrupted' ? status.by : null,
    resume_at: status.name === 'waiting' && !isTrouble(status.why) ? status.resume_at : null,
    retry_at: status.name === 'blocked' ? status.retry_at : null,
    result: resultOf(state),
    verified: status.name === 'completed' ? status.verified : null,
    exit_code: exitCodeOf(status.name),
    pid: isAtRest(status) ? null : pid,
    iteration: state.iterations,
    max_iterations: spec.limits.max_iterations,
    subtask_id: current?.id ?? null,
    subtask_description: current ? describe(state, current) : null,
    current_phase: current ? phaseOf(current) : null,
    completed_subtasks: subtasks.filter(s => s.status === 'completed').length,
    total_subtasks: subtasks.length,
    total_commits: state.total_commits,
    last_activity: state.updated_at,
    started_at: state.started_at,
    total_duration_seconds: state.started_at
      ? Math.max(0, Math.floor((until - Date.parse(state.started_at)) / 1000))
      : 0,
    total_input_tokens: state.input_tokens,
    total_output_tokens: state.output_tokens,
    total_tokens: state.input_tokens + state.output_tokens,
    total_cost_usd: state.cost_usd,
    budgets: budgetsSoFar(state, current).map(({ budget, used, limit }) => ({ budget, used, limit })),
    model: spec.models.coder ?? null,
    review_enabled: spec.review.enabled,
    qa_enabled: spec.qa.enabled,
    session_timeout: spec.limits.session_timeout_seconds,
    created_at: state.created_at,
    ended_at: state.ended_at,
    active_seconds: Math.floor(active / 1000),
    project: spec.project,
    branch: state.workspace?.branch ?? null,
    worktree: state.workspace?.path ?? null,
    base: state.workspace?.base ?? null,
    commit: state.good.at(-1)?.commit ?? null,
    merged: state.merged,
    merging: state.merge && { into: state.merge.into, squash: state.merge.squash, ...NOT_BEGUN },
    notifications: state.notified
      .slice(-MAX_NOTIFICATIONS)
      .map(told => ({ kind: kindOf(told), t: told.t, ok: told.ok, detail: told.detail })),
    ...(state.left_out?.length ? { left_out: state.left_out } : {}),
    ...(state.meanwhile ? { meanwhile: state.meanwhile } : {}),
    forgeries: state.forgeries.map(forgery => ({ ...forgery })),
    plan_rev: state.plan_rev,
    seq: state.seq,
    notes: openNotes(state).map(({ note, t, text }) => ({ note, t, text })),
    subtasks: shown.map(s => viewOfStep(state, s)),
  };
}

const NOT_BEGUN: MergeProgress = { gate: null, done: 0, of: 0 };

/** The view of a task whose merge is under way. */
export function mergingTask(view: TaskView, now: MergeProgress): TaskView {
  return view.merging ? { ...view, merging: { ...view.merging, ...now } } : view;
}

/** The view of a task that meets trouble of which no event tells. */
export function stuckView(view: TaskView, { why, message }: Trouble): TaskView {
  if (view.exit_code !== null) return { ...view, reason: message };
  return { ...view, status: 'waiting', why, reason: message, resume_at: null };
}

function reasonOf(state: TaskState): string | null {
  const { status } = state;
  if (status.name === 'waiting' || status.name === 'blocked') return status.message;
  return status.name === 'failed' ? status.reason : null;
}

/** The step that is being worked on, or the next one. */
export function currentStep(state: TaskState): Step | null {
  if (isTerminal(state.status)) return null;
  return (
    state.steps.find(s => s.status === 'in_progress') ??
    state.steps.find(s => s.status === 'failed' || s.status === 'pending') ??
    null
  );
}

const PSEUDO: Record<Exclude<Step['kind'], 'subtask'>, string> = {
  plan: 'Plan the task',
  setup: 'Prepare the worktree',
  baseline: 'Check that the gates pass before any change',
  fix: 'Repair what the final gates refused',
  final: 'All gates in a fresh checkout of the final commit',
};

function describe(state: TaskState, step: Step): string {
  return step.kind === 'subtask' && subtaskOf(state, step.id).description
    ? subtaskOf(state, step.id).description
    : titleOf(state, step);
}

function titleOf(state: TaskState, step: Step): string {
  if (step.kind !== 'subtask') return PSEUDO[step.kind];
  const subtask = subtaskOf(state, step.id);
  return subtask.title || subtask.description || ('run' in subtask.do ? subtask.do.run.join(' ') : '');
}

/** What the last session that ended well says it did. */
function resultOf(state: TaskState): string | null {
  const done = state.steps
    .filter(s => s.kind === 'subtask' && s.status === 'completed')
    .flatMap(s => s.history.findLast(record => record.outcome === 'ok' && record.summary) ?? []);
  return done.toSorted((a, b) => (a.ended_at < b.ended_at ? -1 : 1)).at(-1)?.summary ?? null;
}

/** The seed's words for a phase where it has one. */
export function phaseOf(step: Step): string {
  const gate = step.attempt?.gates.find(g => g.live);
  if (step.kind === 'plan') return 'Initializer';
  if (gate || step.kind === 'baseline' || step.kind === 'final') return 'Gates';
  return 'Coding';
}

function viewOfStep(state: TaskState, step: Step): SubtaskView {
  const { attempt } = step;
  const gates = attempt && attempt.gates.length > 0 ? gatesOf(state, step) : [];
  const kind = step.kind !== 'subtask' ? step.kind : isAgentStep(state, step) ? 'agent' : 'run';
  return {
    id: step.id,
    title: titleOf(state, step),
    description: describe(state, step),
    kind,
    status: step.status,
    needs: step.kind === 'subtask' ? subtaskOf(state, step.id).needs : [],
    attempts: step.attempts,
    reason: step.block?.message ?? step.reason,
    retry_at: step.retry_at,
    commit: step.commit,
    attempt: attempt
      ? {
          n: attempt.n,
          phase: attempt.phase,
          pid: attempt.phase === 'running' || attempt.phase === 'stopping' ? attempt.pid : null,
          cage: attempt.cage,
          sandbox: attempt.sandbox,
          started_at: attempt.started_at,
          outcome: attempt.outcome,
          commit: attempt.sealed?.commit ?? null,
          gates: attempt.gates.map(g => ({
            name: g.evidence?.name ?? gates[g.gate]?.name ?? `${g.gate + 1}`,
            status: !g.evidence
              ? 'running'
              : g.evidence.passed
                ? 'passed'
                : g.evidence.tolerated
                  ? 'tolerated'
                  : 'failed',
            reason: g.evidence?.reason ?? null,
          })),
        }
      : null,
    history: step.history.map(({ n, outcome, reason, started_at, ended_at, code, commit }) => ({
      n,
      outcome,
      reason,
      started_at,
      ended_at,
      code,
      commit,
    })),
  };
}
