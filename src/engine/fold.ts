/**
 * fold: the state of a task from its events. Pure. An event that the state does not allow throws and names both:
 * it would mean a bug in decide or a damaged journal, and neither may pass silently.
 */

import type { Event, EventOf } from '../contract/event.ts';
import type { Plan } from '../contract/plan.ts';
import type { TaskSpec } from '../contract/spec.ts';
import { isTerminal, isTrouble, type TaskStatus } from '../contract/status.ts';
import { NOTHING_USED } from './budget.ts';
import { clockJumped } from './clock.ts';
import { completePlan, completeSpec } from './complete.ts';
import {
  attemptClosed,
  attemptCreated,
  attemptEnded,
  attemptPrepared,
  attemptSealed,
  gateDelayed,
  gateDropped,
  gateEnded,
  gateStarted,
  recordKeyDrawn,
  recordsForged,
  withUnsealed,
} from './fold-attempt.ts';
import { noteAdded, noteTold } from './fold-notes.ts';
import { withoutJudges } from './fold-skip.ts';
import { given, goOn, isCounted, live, move, phase, standStill, step } from './fold-tools.ts';
import { budgetNearlyUsed, renewed } from './fold-usage.ts';
import { PREFIX, PROJECT_SERVICE } from './gates-of.ts';
import { handedOver, handedOverEnded } from './handed.ts';
import { ledgerWith } from './notices.ts';
import { allBack } from './relay.ts';
import { serviceReady } from './service-fold.ts';
import { type Refusal, STEP, type Step, type StepKind, stepOf, type TaskState } from './state.ts';

export function foldAll(events: Iterable<Event>): TaskState {
  let state: TaskState | null = null;
  for (const event of events) state = fold(state, event);
  if (!state) throw new Error('a journal without events has no state');
  return state;
}

export function fold(before: TaskState | null, event: Event): TaskState {
  if (event.type === 'task_submitted') {
    if (before) throw new Error(`task ${before.id}: submitted twice (event ${event.seq})`);
    return submitted(event);
  }
  if (!before) throw new Error(`the first event must be task_submitted, not ${event.type}`);
  if (event.seq !== before.seq + 1)
    throw new Error(`task ${before.id}: event ${event.seq} after ${before.seq}`);
  const state: TaskState = {
    ...before,
    seq: event.seq,
    epoch: event.epoch,
    updated_at: event.t,
    clock_offset_ms: Date.parse(event.t) - event.mono,
    slept_ms: event.slept,
  };
  return apply(state, event);
}

function apply(state: TaskState, event: Exclude<Event, { type: 'task_submitted' }>): TaskState {
  switch (event.type) {
    case 'task_claimed':
      return claimed(state, event);
    case 'want_changed':
      return { ...state, want: event.want, want_by: event.by, force: event.force, op: event.op };
    case 'plan_frozen':
      return planFrozen(state, event);
    case 'repository_captured':
      return { ...state, repository: event.repository };
    case 'workspace_ready':
      return { ...state, workspace: { base: event.base, branch: event.branch, path: event.path } };
    case 'attempt_created':
      return attemptCreated(state, event);
    case 'attempt_prepared':
      return withUnsealed(attemptPrepared(state, event), event);
    case 'record_key_drawn':
      return recordKeyDrawn(state, event);
    case 'attempt_started':
      return attemptStarted(state, event);
    case 'service_ready':
      return serviceReady(state, event);
    case 'attempt_stopping':
      return phase(state, event, ['running', 'prepared', 'created'], a => ({
        ...a,
        phase: 'stopping',
        stop_reason: event.reason,
        over: event.over ?? null,
        loop: event.loop ?? null,
        ...(event.why === undefined ? {} : { why: event.why }),
      }));
    case 'attempt_ended':
      return attemptEnded(state, event);
    case 'attempt_sealed':
      return attemptSealed(state, event);
    case 'gate_started':
      return gateStarted(state, event);
    case 'gate_delayed':
      return gateDelayed(state, event);
    case 'gate_dropped':
      return gateDropped(state, event);
    case 'gate_ended':
      return gateEnded(state, event);
    case 'records_forged':
      return recordsForged(state, event);
    case 'attempt_closed':
      return attemptClosed(state, event);
    case 'step_completed':
      return stepCompleted(state, event);
    case 'step_failed':
      return step(state, event.step, s => ({
        ...given(state, s, 'failed'),
        status: 'failed',
        reason: event.reason,
      }));
    case 'step_skipped':
      return step(state, event.step, s => ({
        ...given(state, s, 'skipped'),
        status: 'skipped',
        reason: event.reason,
      }));
    case 'step_reset': {
      const next = step(state, event.step, s => resetStep(s, event.reason));
      return stepOf(state, event.step).kind === 'service' ? next : withServices(next);
    }
    case 'rolled_back':
      return rolledBack(state, event);
    case 'task_started':
      return move({ ...goOn(state, event.t), started_at: state.started_at ?? event.t }, { name: 'running' });
    case 'task_waiting':
      return move(isTrouble(event.why) ? standStill(state, event.t) : state, {
        name: 'waiting',
        why: event.why,
        resume_at: event.resume_at,
        message: event.message,
      });
    case 'budget_nearly_used':
      return budgetNearlyUsed(state, event);
    case 'task_interrupted':
      return move(state, { name: 'interrupted', by: event.by });
    case 'task_blocked':
      return blocked(state, event);
    case 'login_retried':
      return loginRetried(state);
    case 'task_resumed':
      return resumed(withoutJudges(allBack(state), event.skip ?? []));
    case 'task_completed':
      return ended(state, { name: 'completed', verified: event.verified, commit: event.commit }, event.t);
    case 'task_failed':
      return ended(state, { name: 'failed', reason: event.reason, subtask: event.subtask }, event.t);
    case 'task_cancelled': {
      const { rollback: _, ...rest } = state;
      return ended(rest, { name: 'cancelled' }, event.t);
    }
    case 'env_changed':
    case 'request_refused':
      return state;
    case 'note_added':
      return noteAdded(state, event);
    case 'note_told':
      return noteTold(state, event);
    case 'task_handed_over':
      return handedOver(state, event);
    case 'handed_over_ended':
      return handedOverEnded(state, event);
    case 'clock_jumped':
      return clockJumped(state, event);
    case 'notified': {
      const { key, ok, detail, failed, final, t } = event;
      const line = { key, t, ok, detail, ...(failed ? { failed } : {}), ...(final ? { final } : {}) };
      return { ...state, notified: ledgerWith(state, line) };
    }
    case 'rollback_requested': {
      const { rollback_refused: _, ...rest } = state;
      return { ...rest, rollback: { op: event.op, commit: event.commit, steps: event.steps } };
    }
    case 'rollback_refused': {
      const { rollback: _, ...rest } = state;
      return { ...rest, rollback_refused: refusalOf(event) };
    }
    case 'merge_requested':
      return {
        ...state,
        merge: { op: event.op, into: event.into, squash: event.squash },
        merge_refused: null,
      };
    case 'merge_refused':
      return {
        ...state,
        merge: null,
        merge_refused: refusalOf(event),
      };
    case 'merged':
      return { ...state, merge: null, merged: { into: event.into, commit: event.commit, t: event.t } };
  }
}

/** What a service takes of the day is no work. */
function attemptStarted(state: TaskState, event: EventOf<'attempt_started'>): TaskState {
  const next = phase(state, event, ['prepared'], a => ({
    ...a,
    phase: 'running',
    pid: event.pid,
    cage: event.cage ?? null,
    sandbox: event.sandbox ?? null,
    talks: event.talks ?? false,
    started_at: event.t,
  }));
  return isCounted(stepOf(state, event.step)) ? live(next, +1, event.t) : next;
}

function claimed(state: TaskState, { host, boot, t }: EventOf<'task_claimed'>): TaskState {
  const again = state.boot !== null && state.boot !== boot && state.started_at !== null;
  const going = ['pending', 'running', 'waiting'].includes(state.status.name);
  return { ...state, host, boot, rebooted: again && going ? { boot, t } : state.rebooted };
}

function submitted(event: EventOf<'task_submitted'>): TaskState {
  const spec = completeSpec(event.spec);
  return {
    id: spec.id,
    spec,
    plan: null,
    plan_sha256: null,
    plan_rev: 0,
    seq: event.seq,
    epoch: event.epoch,
    host: null,
    boot: null,
    want: 'run',
    want_by: 'user',
    force: false,
    op: null,
    status: { name: 'pending' },
    created_at: event.t,
    started_at: null,
    updated_at: event.t,
    ended_at: null,
    steps: spec.plan ? [] : [newStep(STEP.plan, 'plan')],
    repository: null,
    workspace: null,
    unsealed: [],
    good: [],
    iterations: 0,
    iterations_before: 0,
    total_commits: 0,
    consecutive_failures: 0,
    last_closed_at: null,
    active: { live: 0, since: null, until: null, total_ms: 0, before_ms: 0 },
    input_tokens: 0,
    output_tokens: 0,
    cost_usd: null,
    used_before: NOTHING_USED,
    spending: [],
    warned: [],
    memory: { decisions: [], learnings: [] },
    notes: [],
    notes_made: 0,
    ...(event.origin?.task === undefined ? {} : { parent: event.origin.task }),
    tolerated: [],
    accepted: null,
    issues: {},
    login: null,
    resumes: 0,
    rebooted: null,
    forgeries: [],
    notified: [],
    merge: null,
    merged: null,
    merge_refused: null,
    last_jump_at: null,
    clock_offset_ms: Date.parse(event.t) - event.mono,
  };
}

function newStep(id: string, kind: StepKind): Step {
  return {
    id,
    kind,
    status: 'pending',
    attempts: 0,
    counted: 0,
    lost: 0,
    no_commit: 0,
    used: NOTHING_USED,
    used_before: NOTHING_USED,
    passing: 0,
    attempt: null,
    session: null,
    passed: null,
    retry_at: null,
    wait: null,
    block: null,
    commit: null,
    reason: null,
    completed_at: null,
    history: [],
    trees: [],
  };
}

/** The steps of a plan, in order of execution where nothing else decides. */
function stepsOf(spec: TaskSpec, plan: Plan): Step[] {
  const git = spec.workspace.kind === 'git';
  const agent = plan.subtasks.some(s => 'agent' in s.do);
  const gated = spec.gates.length > 0 || plan.subtasks.some(s => s.gates.length > 0);
  const judged = agent && (spec.review.enabled || spec.qa.enabled);
  return [
    ...(git && spec.setup ? [newStep(STEP.setup, 'setup')] : []),
    ...(git && spec.gates.length > 0 ? [newStep(STEP.baseline, 'baseline')] : []),
    ...(spec.services ?? []).map(s => newStep(`${PROJECT_SERVICE}${s.id}`, 'service')),
    ...plan.subtasks.map(s => newStep(s.id, kindOf(s))),
    ...(git && agent && (gated || judged)
      ? [{ ...newStep(STEP.fix, 'fix'), status: 'skipped' as const }]
      : []),
    ...(git && (gated || judged) ? [newStep(STEP.final, 'final')] : []),
  ];
}

const kindOf = (s: Plan['subtasks'][number]): StepKind =>
  s.finally ? 'finally' : 'keep' in s.do ? 'service' : 'subtask';

function planFrozen(state: TaskState, event: EventOf<'plan_frozen'>): TaskState {
  if (event.rev !== state.plan_rev + 1)
    throw new Error(`task ${state.id}: plan rev ${event.rev} after ${state.plan_rev}`);
  const plan = completePlan(event.plan);
  const old = new Map(state.steps.map(s => [s.id, s]));
  const sameWork = (id: string) => {
    const was = state.plan?.subtasks.find(s => s.id === id);
    const is = plan.subtasks.find(s => s.id === id);
    return id.startsWith('_') || (was && is && JSON.stringify(was) === JSON.stringify(is));
  };
  // A subtask that is the same in the new plan keeps what was done; a changed one starts again, its history kept.
  const steps = stepsOf(state.spec, plan).map(fresh => {
    const known = old.get(fresh.id);
    if (!known) return fresh;
    if (known.id === STEP.final || !sameWork(known.id)) return { ...fresh, ...keptOf(known) };
    return known;
  });
  const planStep = old.get(STEP.plan);
  for (const s of state.steps) {
    // Only the planner's own attempt may be open: any other would live on with nobody who knows of it.
    if (!s.attempt || s === planStep || steps.includes(s)) continue;
    throw new Error(
      `task ${state.id}: plan rev ${event.rev} while attempt ${s.attempt.n} of ${s.id} is open`,
    );
  }
  const accepted =
    event.source === 'planner' && planStep?.attempt
      ? { ...planStep, attempt: { ...planStep.attempt, accepted: true } }
      : planStep;
  return {
    ...state,
    plan,
    plan_sha256: event.sha256,
    plan_rev: event.rev,
    steps: accepted ? [accepted, ...steps] : steps,
  };
}

/** A step that starts again has the numbers of its attempts and what they used: nobody gives that back. */
const keptOf = ({ attempts, history, used, used_before }: Step) => ({ attempts, history, used, used_before });

function stepCompleted(state: TaskState, event: EventOf<'step_completed'>): TaskState {
  const next = step(state, event.step, s => {
    if (s.status !== 'pending' || s.attempt)
      throw new Error(`task ${state.id}: ${s.id} completed while ${s.status}`);
    return {
      ...s,
      status: 'completed',
      passed: null,
      commit: event.commit,
      completed_at: event.t,
      reason: null,
    };
  });
  if (event.good !== null && event.good !== state.good.length + 1) {
    throw new Error(
      `task ${state.id}: step_completed of ${event.step} as good ${event.good} after ${state.good.length}`,
    );
  }
  if (event.good === null || event.commit === null) return next;
  return {
    ...next,
    good: [...next.good, { k: event.good, commit: event.commit, step: event.step, t: event.t }],
  };
}

function resetStep(s: Step, reason: string): Step {
  if (s.attempt) throw new Error(`step ${s.id} cannot be reset while attempt ${s.attempt.n} is open`);
  return {
    ...s,
    status: 'pending',
    session: null,
    passed: null,
    counted: 0,
    lost: 0,
    no_commit: 0,
    passing: 0,
    retry_at: null,
    wait: null,
    block: null,
    reason,
    commit: null,
    completed_at: null,
    ...(s.service ? { service: { ...s.service, ready_at: null, starts: 0, failed_at: [], row: 0 } } : {}),
  };
}

const refusalOf = ({ op, kind, message, hint, data }: Refusal): Refusal => ({
  op,
  kind,
  message,
  hint,
  data,
});

function rolledBack({ rollback: _, ...state }: TaskState, event: EventOf<'rolled_back'>): TaskState {
  const undone = (s: Step): Step =>
    s.kind === 'fix' ? { ...resetStep(s, 'rolled back'), status: 'skipped' } : resetStep(s, 'rolled back');
  const steps = state.steps.map(s => (event.steps.includes(s.id) ? undone(s) : s));
  return {
    ...withServices({ ...state, steps }),
    unsealed: [],
    good: [...state.good, { k: state.good.length + 1, commit: event.commit, step: '_rollback', t: event.t }],
  };
}

function blocked(state: TaskState, event: EventOf<'task_blocked'>): TaskState {
  const { why, message, subtask, retry_at = null } = event;
  const login = why === 'auth' ? (state.login ?? { since: event.t, tries: 0 }) : state.login;
  return move({ ...state, login }, { name: 'blocked', why, message, subtask, retry_at });
}

/** As after a resume, but nothing is given back: only what is blocked for the login may be tried. */
function loginRetried(state: TaskState): TaskState {
  if (!state.login || state.status.name !== 'blocked')
    throw new Error(`task ${state.id}: a login is tried again while the task is ${state.status.name}`);
  const steps = state.steps.map(s => (s.block?.why === 'auth' ? { ...s, block: null } : s));
  const login = { ...state.login, tries: state.login.tries + 1 };
  return move(withServices({ ...state, steps, login }), { name: 'pending' });
}

function resumed(before: TaskState): TaskState {
  // A person said "go on": the same allowance of attempts and time again, and failed steps get another chance, with
  // what was left out because of them.
  const state = renewed(reopened(before));
  const steps = state.steps.map(s =>
    s.status === 'failed' || (s.status === 'skipped' && s.kind !== 'fix') || isForThisEnd(before, s)
      ? resetStep(s, 'resumed')
      : {
          ...s,
          ...{ counted: 0, lost: 0, no_commit: 0, passing: 0, retry_at: null, wait: null, block: null },
          attempt: s.attempt && { ...s.attempt, held: null },
        },
  );
  return move(
    {
      ...withServices({ ...state, steps }),
      want: 'run',
      force: false,
      consecutive_failures: 0,
      accepted: acceptedBy(state) ?? state.accepted,
      ...approvedBy(state),
      issues: {},
      login: null,
      resumes: state.resumes + 1,
      iterations_before: state.iterations,
      active: { ...state.active, before_ms: state.active.total_ms },
    },
    { name: 'pending' },
  );
}

/**
 * What comes to rest stops its services as those that are done with. Where it goes on they are wanted again: what is
 * stopped is started, and what is on its way down comes back.
 */
const withServices = (state: TaskState): TaskState => ({ ...state, steps: state.steps.map(wantedAgain) });

function wantedAgain(s: Step): Step {
  if (s.kind !== 'service') return s;
  const { attempt } = s;
  if (attempt?.stop_reason === 'done') return { ...s, attempt: { ...attempt, stop_reason: 'suspend' } };
  return attempt === null && (s.status === 'completed' || s.passed) ? resetStep(s, 'needed again') : s;
}

/** Services were stopped when it came to rest; what runs at the end does so again at the next one. */
const isForThisEnd = ({ status }: TaskState, { kind, attempt }: Step): boolean =>
  attempt === null && (kind === 'service' || (kind === 'finally' && isTerminal(status)));

/** What was over goes on, and will be over once more. */
function reopened(state: TaskState): TaskState {
  if (!isTerminal(state.status)) return state;
  return { ...state, ended_at: null, merge_refused: null, reopened: (state.reopened ?? 0) + 1 };
}

/** The commit that was blocked since tests of the base commit fail on it: who says "go on" has looked at why. */
function acceptedBy(state: TaskState): string | null {
  const final = state.steps.find(s => s.kind === 'final');
  const last = final?.history.at(-1);
  return final?.block?.why === 'review' && last?.gate?.startsWith(PREFIX.base_tests) ? last.good : null;
}

/** The same of the gate configuration: of the last step that was blocked since the one of before gives another result. */
function approvedBy(state: TaskState): Pick<TaskState, 'approved'> {
  const blocked = state.steps.filter(
    s => s.block?.why === 'review' && s.history.at(-1)?.gate?.startsWith(PREFIX.base_config),
  );
  const last = blocked.at(-1)?.history.at(-1);
  const commit = last?.commit ?? last?.good;
  return commit ? { approved: commit } : {};
}

function ended(state: TaskState, status: TaskStatus, t: string): TaskState {
  return { ...move(state, status), ended_at: t };
}
