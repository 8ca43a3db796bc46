/** Builds the view of a task. Pure; from the state alone, so that a status never waits for anything. */

import { isAtRest, isTerminal, isTrouble, isTurn } from '../contract/status.ts';
import { exitCodeOf, type MergeProgress, type SubtaskView, type TaskView } from '../contract/view.ts';
import { commandOf } from '../contract/work.ts';
import { budgetsSoFar, NOTHING_USED } from './budget.ts';
import type { Trouble } from './effect.ts';
import { failedAtTheEnd } from './finally.ts';
import { gatesOf, isAgentStep, subtaskIn } from './gates-of.ts';
import { unseenText } from './mutation.ts';
import { openNotes } from './notes.ts';
import { againAt, kindOf } from './notices.ts';
import { agentOfAttempt, backendAt } from './relay.ts';
import { portWritten, serviceOf, urlOf } from './service.ts';
import type { Step, TaskState } from './state.ts';

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
    resume_at:
      status.name === 'waiting' && !isTrouble(status.why) && !isTurn(status.why) ? status.resume_at : null,
    retry_at: status.name === 'blocked' ? status.retry_at : null,
    result: resultOf(state),
    verified: status.name === 'completed' ? status.verified : null,
    verified_but: unseenText(state),
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
    ...agentsView(state, now),
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
    ...(spec.after.length > 0 ? { after: [...spec.after] } : {}),
    ...(spec.group === null ? {} : { group: spec.group }),
    ...(state.parent === undefined ? {} : { parent: state.parent }),
    ...(state.handed?.length ? { handed_over: state.handed.map(({ task }) => task) } : {}),
    ...(spec.priority === 0 ? {} : { priority: spec.priority }),
    ...(state.rollback
      ? { rolling_back: { commit: state.rollback.commit, steps: [...state.rollback.steps] } }
      : {}),
    notifications: state.notified.slice(-MAX_NOTIFICATIONS).map(told => ({
      kind: kindOf(told),
      t: told.t,
      ok: told.ok,
      detail: told.detail,
      again_at: againAt(state, told),
    })),
    ...(state.left_out?.length ? { left_out: state.left_out } : {}),
    ...(state.meanwhile ? { meanwhile: state.meanwhile } : {}),
    ...(failedAtTheEnd(state).length > 0 ? { failed_at_end: failedAtTheEnd(state) } : {}),
    forgeries: state.forgeries.map(forgery => ({ ...forgery })),
    plan_rev: state.plan_rev,
    seq: state.seq,
    notes: openNotes(state).map(({ note, t, text }) => ({ note, t, text })),
    subtasks: shown.map(s => viewOfStep(state, s)),
  };
}

/** Nothing where one agent does all. */
function agentsView(state: TaskState, now_ms: number): Pick<TaskView, 'agents'> {
  const { relay } = state.spec;
  if (!relay) return {};
  const working = new Set(
    state.steps.flatMap(s => (s.attempt?.work && isAgentStep(state, s) ? [agentOfAttempt(s.attempt)] : [])),
  );
  const agents = [0, ...relay.agents.map((_, i) => i + 1)].map(agent => {
    const backend = backendAt(state, agent);
    const away = state.away?.[agent];
    const is_away = away && (away.until === null || Date.parse(away.until) > now_ms);
    const used = state.used_by?.[agent] ?? NOTHING_USED;
    return {
      ...{ backend, works: working.has(agent), ...used },
      ...(is_away ? { away_until: away.until, why: away.outcome } : {}),
    };
  });
  return { agents };
}

const NOT_BEGUN: MergeProgress = { gate: null, done: 0, of: 0 };

/** The view of a task whose merge is under way. */
export function mergingTask(view: TaskView, now: MergeProgress): TaskView {
  return view.merging ? { ...view, merging: { ...view.merging, ...now } } : view;
}

/** The view of a task that meets trouble of which no event tells. */
export function stuckView(view: TaskView, { why, message }: Trouble): TaskView {
  if (view.exit_code !== null) return { ...view, why: view.why ?? why, reason: message };
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

/** Of steps that nobody wrote down. */
const PSEUDO: Record<Exclude<Step['kind'], 'subtask' | 'service' | 'finally'>, string> = {
  plan: 'Plan the task',
  setup: 'Prepare the worktree',
  baseline: 'Check that the gates pass before any change',
  fix: 'Repair what the final gates refused',
  final: 'All gates in a fresh checkout of the final commit',
};

function describe(state: TaskState, step: Step): string {
  return subtaskIn(state, step)?.description || titleOf(state, step);
}

function titleOf(state: TaskState, step: Step): string {
  const subtask = subtaskIn(state, step);
  if (subtask === null) return PSEUDO[step.kind as keyof typeof PSEUDO];
  return subtask.title || subtask.description || (commandOf(subtask.do)?.join(' ') ?? '');
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

/** Of a service: whether and since when it is ready, how often it was started again, and where it is reached. */
function serviceView(state: TaskState, step: Step): Pick<SubtaskView, 'service' | 'need_states'> {
  const states = subtaskIn(state, step)?.need_states;
  const told = states ? { need_states: states } : {};
  if (step.kind !== 'service') return told;
  const { ready_at = null, starts = 0, port = null } = step.service ?? {};
  const url = urlOf(serviceOf(state, step), port ?? portWritten(serviceOf(state, step)));
  const is_up = step.attempt?.phase === 'running';
  return {
    ...told,
    service: {
      ready: is_up && ready_at !== null,
      since: is_up ? ready_at : null,
      restarts: Math.max(0, starts - 1),
      url,
    },
  };
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
    needs: subtaskIn(state, step)?.needs ?? [],
    ...serviceView(state, step),
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
