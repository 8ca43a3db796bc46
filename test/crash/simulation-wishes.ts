/** What users ask of a simulated task, by the rules of src/supervisor/commands.ts: events to record, or null: refused. */
import type { NewEvent } from '../../src/contract/event.ts';
import { isTerminal } from '../../src/contract/status.ts';
import { handedBack } from '../../src/engine/handed.ts';
import { STEP, type Step, type TaskState } from '../../src/engine/state.ts';
import { makePlan, type WishKind } from './simulation-draft.ts';
import { shaOf } from './simulation-effects.ts';
import type { Rng } from './simulation-random.ts';

export function wish(state: TaskState, kind: WishKind, op: string, rng: Rng): NewEvent[] | null {
  if (kind === 'merge') return merge(state, op);
  if (isTerminal(state.status) && kind !== 'retry') return null;
  switch (kind) {
    case 'stop':
    case 'stop_force':
    case 'cancel': {
      const want = kind === 'cancel' ? 'cancel' : 'stop';
      if (state.want === 'cancel' && want === 'stop') return null;
      return [{ type: 'want_changed', want, force: kind === 'stop_force' || state.force, op, by: 'user' }];
    }
    case 'resume':
      return resume(state, op);
    case 'retry':
      return retry(state, op, rng);
    case 'rollback':
      return rollback(state, op, rng);
    case 'replan':
      return replan(state, rng);
    case 'note':
      return state.want === 'cancel' ? null : (back(state) ?? [note(state, op), handsOver(op)]);
    case 'answer':
      return state.status.name === 'blocked' && state.status.why === 'question'
        ? [note(state, op), ...(resume(state, op) ?? [])]
        : null;
  }
}

const isHalted = (state: TaskState) => state.status.name === 'interrupted' || state.status.name === 'blocked';
const wantRun = (op: string): NewEvent => ({
  type: 'want_changed',
  want: 'run',
  force: false,
  op,
  by: 'user',
});

function note(state: TaskState, op: string): NewEvent {
  return { type: 'note_added', note: state.notes_made + 1, text: `words of ${op}`, by: 'user', to: null, op };
}

/** An agent that hears of the user hands something over; what came of it is told when it is next spoken with. */
const handsOver = (op: string): NewEvent => ({ type: 'task_handed_over', task: `of ${op}`, tell: true });

/** As supervisor/hand-overs.ts, which also asks again for what was recorded in part. */
function back(state: TaskState): NewEvent[] | null {
  const [handed] = state.handed ?? [];
  if (!handed) return null;
  const nothing = { reason: null, result: null, tail: null };
  const used = { tokens: 100, usd: 0.01 };
  const events = handedBack(state, { ...handed, ...nothing, name: 'job', status: 'completed', used });
  return events?.length ? events : null;
}

function resume(state: TaskState, op: string): NewEvent[] | null {
  if (state.want === 'cancel') return null;
  if (isHalted(state)) return [wantRun(op), { type: 'task_resumed' }];
  return state.want === 'stop' ? [wantRun(op)] : null;
}

function retry(state: TaskState, op: string, rng: Rng): NewEvent[] | null {
  const { name } = state.status;
  const over = isTerminal(state.status);
  // What was merged stays as it is.
  if (name === 'cancelled' || state.merged || state.merge || state.rollback) return null;
  const step = rng.pick(state.steps);
  if (step.attempt || (state.want === 'cancel' && !over)) return null;
  const ids = new Set([step.id]);
  for (let grew = true; grew; ) {
    grew = false;
    for (const s of state.plan?.subtasks ?? []) {
      if (ids.has(s.id) || !s.needs.some(need => ids.has(need))) continue;
      ids.add(s.id);
      grew = true;
    }
  }
  const with_ = state.steps.filter(s => ids.has(s.id) || (s.kind === 'final' && s !== step));
  const again = with_.filter(s => !s.attempt && (s === step || s.status !== 'pending'));
  const resets: NewEvent[] = again.map(s => ({ type: 'step_reset', step: s.id, reason: 'retry' }));
  if (over) return [...resets, wantRun(op), { type: 'task_resumed' }];
  return [...resets, ...(isHalted(state) ? (resume(state, op) ?? []) : [])];
}

/** Only what is at rest: a worktree under a live process is not moved. */
function rollback(state: TaskState, op: string, rng: Rng): NewEvent[] | null {
  if (state.spec.workspace.kind !== 'git' || !state.workspace || !isHalted(state)) return null;
  if (state.rollback) return null;
  const done = state.good.filter(g => state.steps.some(s => s.id === g.step && s.status === 'completed'));
  if (done.length === 0) return null;
  const last = rng.pick(done);
  const commit = state.good.filter(g => g.k < last.k).at(-1)?.commit ?? state.workspace.base;
  const undone = new Set(state.good.filter(g => g.k >= last.k).map(g => g.step));
  const isUndone = (s: Step) =>
    (undone.has(s.id) || s.kind === 'final' || s.kind === 'fix') && s.status !== 'skipped';
  const steps = state.steps.filter(isUndone).map(s => s.id);
  return [{ type: 'rollback_requested', op, commit, steps }];
}

function replan(state: TaskState, rng: Rng): NewEvent[] | null {
  if (state.rollback || state.steps.some(s => s.attempt)) return null;
  const rev = state.plan_rev + 1;
  const fresh = makePlan(rng, rev, 'user');
  // Often only an edit: what stays the same keeps what was done.
  const kept =
    state.plan && rng.chance(0.6)
      ? state.plan.subtasks.slice(0, rng.int(1, state.plan.subtasks.length))
      : fresh.subtasks;
  const ids = new Set(kept.map(s => s.id));
  const subtasks = kept.map(s => ({ ...s, needs: s.needs.filter(need => ids.has(need)) }));
  const plan = { ...fresh, rev, subtasks };
  const events: NewEvent[] = [];
  const planner = state.steps.find(s => s.id === STEP.plan);
  if (planner && planner.status !== 'completed') {
    events.push({ type: 'step_reset', step: STEP.plan, reason: 'a plan was given' });
    events.push({ type: 'step_completed', step: STEP.plan, commit: null, good: null });
  }
  return [...events, { type: 'plan_frozen', plan, sha256: shaOf(plan), rev, source: 'user' }];
}

function merge(state: TaskState, op: string): NewEvent[] | null {
  if (
    state.status.name !== 'completed' ||
    state.good.length === 0 ||
    state.merge ||
    state.spec.workspace.kind !== 'git'
  )
    return null;
  return [{ type: 'merge_requested', op, into: null, squash: false }];
}
