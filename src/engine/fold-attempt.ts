/** The part of the fold that is about attempts and their gates. Pure. */

import type { EventOf, GateEvidence } from '../contract/event.ts';
import { COUNTS, type Outcome } from '../contract/status.ts';
import { NOTHING_USED } from './budget.ts';
import { withoutNotesTo } from './fold-notes.ts';
import { editAttempt, gate, isCounted, live, openAttempt, phase, step } from './fold-tools.ts';
import { sessionUsed } from './fold-usage.ts';
import { gatesOf, isAgentStep } from './gates-of.ts';
import { provesLogin } from './login.ts';
import { mutationAsked, mutationBegun, mutationDropped } from './mutation.ts';
import { withAway } from './relay.ts';
import { knownIssue, plain } from './same-issue.ts';
import { serviceBegun, serviceClosed, servicePrepared } from './service-fold.ts';
import { afterPrepared, afterSetup, needsSetup, type SetupEnd, withKey } from './setup.ts';
import {
  type Attempt,
  type AttemptRecord,
  type GateRun,
  MAX_FORGERIES,
  MAX_HISTORY,
  oldGateJob,
  oldWorkJob,
  type Step,
  stepOf,
  type TaskState,
} from './state.ts';
import { isSealed, resetsWorktree } from './worktree-use.ts';

/** Issues of a judge that stay with a closed attempt. */
const MAX_RECORD_ISSUES = 50;
/** Remembered trees of a step, and distinct issues of a task. */
const MAX_TREES = 200;
const MAX_ISSUES = 1000;
const MAX_LEFT_OUT = 50;
const MAX_MEANWHILE = 20;

export function attemptCreated(state: TaskState, event: EventOf<'attempt_created'>): TaskState {
  const next = step(state, event.step, s => {
    if (s.attempt)
      throw new Error(`task ${state.id}: attempt ${event.n} of ${s.id} while attempt ${s.attempt.n} is open`);
    if (s.status !== 'pending')
      throw new Error(`task ${state.id}: attempt ${event.n} of ${s.id} while it is ${s.status}`);
    if (event.n !== s.attempts + 1)
      throw new Error(`task ${state.id}: attempt ${event.n} of ${s.id} after ${s.attempts}`);
    const attempt: Attempt = {
      n: event.n,
      nonce: event.nonce,
      job: event.job ?? oldWorkJob(event.step, event.n),
      record_keys: [],
      phase: 'created',
      work: event.work,
      boot: state.boot,
      from: event.from,
      ...(event.agent === undefined ? {} : { agent: event.agent }),
      resume: event.resume ?? null,
      notes: state.notes_made,
      talks: false,
      hurried: false,
      created_at: event.t,
      prepared_at: null,
      started_at: null,
      ended_at: null,
      pid: null,
      cage: null,
      sandbox: null,
      stop_reason: null,
      over: null,
      loop: null,
      used: NOTHING_USED,
      used_before: NOTHING_USED,
      outcome: null,
      code: null,
      signal: null,
      output_bytes: 0,
      dropped_bytes: 0,
      message: null,
      claim: null,
      sealed: null,
      gates: [],
      held: null,
      accepted: false,
      paused_ms: 0,
    };
    return {
      ...s,
      status: 'in_progress',
      attempts: event.n,
      attempt,
      session: null,
      passed: null,
      retry_at: null,
      wait: null,
      reason: null,
    };
  });
  const { kind } = stepOf(state, event.step);
  if (kind === 'service') return serviceBegun(next, event.step);
  return { ...next, iterations: event.work && kind !== 'finally' ? next.iterations + 1 : next.iterations };
}

export function attemptPrepared(before: TaskState, event: EventOf<'attempt_prepared'>): TaskState {
  const known = stepOf(before, event.step);
  const ready = afterPrepared(before, known, event);
  const state = known.kind === 'final' ? mutationBegun(ready, known, event.sources) : ready;
  return phase(servicePrepared(state, event), event, ['created'], attempt => ({
    ...attempt,
    phase: 'prepared',
    prepared_at: event.t,
    record_keys: event.record_key === undefined ? null : [event.record_key],
    ...(event.setup === undefined ? {} : { setup: event.setup }),
    ...(event.base_config === undefined ? {} : { base_config: event.base_config }),
    ...(event.sources === undefined ? {} : { sources: event.sources }),
  }));
}

export function recordKeyDrawn(state: TaskState, event: EventOf<'record_key_drawn'>): TaskState {
  return phase(state, event, ['prepared'], attempt => ({
    ...attempt,
    record_keys: attempt.record_keys && [...attempt.record_keys, event.record_key],
  }));
}

export function recordsForged(state: TaskState, event: EventOf<'records_forged'>): TaskState {
  const { step: id, n, gate: index, what, t } = event;
  return {
    ...state,
    forgeries: [...state.forgeries, { step: id, n, gate: index, what, t }].slice(-MAX_FORGERIES),
  };
}

export function attemptEnded(state: TaskState, event: EventOf<'attempt_ended'>): TaskState {
  const was = openAttempt(state, event.step, event.n);
  const next = phase(state, event, ['created', 'prepared', 'running', 'stopping'], a => ({
    ...a,
    phase: 'ended',
    outcome: event.outcome,
    code: event.code,
    signal: event.signal,
    ended_at: event.ended_at,
    output_bytes: event.output_bytes,
    dropped_bytes: event.dropped_bytes,
    message: event.message,
    claim: event.claim,
    ...(event.unreached ? { unreached: event.unreached } : {}),
  }));
  const known = step(next, event.step, s => ({ ...s, session: sessionOf(event, was) }));
  const counted = sessionUsed(known, event, event.session, event.claim);
  const counts = was.started_at && isCounted(stepOf(state, event.step));
  return counts ? live(counted, -1, event.ended_at) : counted;
}

function sessionOf({ session, ended_at: at }: EventOf<'attempt_ended'>, attempt: Attempt): Step['session'] {
  const id = session?.ids.at(-1);
  if (!session?.resumable || id === undefined) return null;
  return { backend: session.backend, id, at, resumed: attempt.resume !== null };
}

/**
 * Work that ended, but what it left was not sealed before the machine went down: some of its files may never have
 * come to the disk, and no gate can tell zeros from what was meant. It is kept for people to see, and made again.
 */
const LEFT_BY_A_POWER_CUT = {
  outcome: 'lost',
  message: 'the machine went down before the work was on the disk',
} as const;

const wentDown = (state: TaskState, attempt: Attempt) =>
  // killed: by a shutdown in order, which leaves nothing half written.
  attempt.boot !== state.boot && attempt.outcome !== 'killed' && attempt.outcome !== 'startup';

/** The newest word about a path counts. What was there, and is not said any more, may have been rolled back, and was kept. */
function leftOutOf(state: TaskState, { sealed }: EventOf<'attempt_sealed'>): Pick<TaskState, 'left_out'> {
  const before = state.left_out ?? [];
  const now = sealed.left_out ?? [];
  if (now.length === 0 && before.length === 0) return {};
  const said = new Set(now.map(({ path }) => path));
  return { left_out: [...before.filter(({ path }) => !said.has(path)), ...now].slice(-MAX_LEFT_OUT) };
}

function meanwhileOf(
  { meanwhile: before = [] }: TaskState,
  { sealed: { unexplained = [] } }: EventOf<'attempt_sealed'>,
): Pick<TaskState, 'meanwhile'> {
  if (unexplained.length === 0) return {};
  return { meanwhile: [...before, ...unexplained].slice(-MAX_MEANWHILE) };
}

export function attemptSealed(state: TaskState, event: EventOf<'attempt_sealed'>): TaskState {
  const fresh = !stepOf(state, event.step).trees.includes(event.sealed.tree);
  // A tree that was not seen before is progress: counters and waits begin anew (task-model 5).
  const progress = event.sealed.changed && fresh;
  const next = phase(state, event, ['ended'], a => ({
    ...a,
    ...(wentDown(state, a) ? LEFT_BY_A_POWER_CUT : {}),
    phase: 'sealed',
    sealed: event.sealed,
    ...(needsSetup(state, a, event.sealed.setup) ? { sets_up: true } : {}),
  }));
  const { commit, setup: key } = event.sealed;
  return {
    ...step(withoutUnsealed(next, event), event.step, s => ({
      ...s,
      trees: [...s.trees, event.sealed.tree].slice(-MAX_TREES),
      // Not of questions: whoever asks again has not been answered.
      passing: progress && s.attempt?.outcome !== 'asked' ? 0 : s.passing,
    })),
    ...(key === undefined ? {} : { setup: withKey(next.setup, commit, key) }),
    total_commits: next.total_commits + event.sealed.commits,
    ...leftOutOf(state, event),
    ...meanwhileOf(state, event),
    consecutive_failures: progress ? 0 : next.consecutive_failures,
  };
}

/** From now on a process of the attempt may write; what was there before was sealed, if the worktree was reset. */
export function withUnsealed(state: TaskState, { step: id, n }: EventOf<'attempt_prepared'>): TaskState {
  const s = stepOf(state, id);
  const unsealed = resetsWorktree(state, s) ? [] : state.unsealed;
  return {
    ...state,
    unsealed: isSealed(state, s) && s.attempt?.work ? [...unsealed, { step: id, n }] : unsealed,
  };
}

const withoutUnsealed = (state: TaskState, at: { step: string; n: number }): TaskState => ({
  ...state,
  unsealed: state.unsealed.filter(({ step: id, n }) => id !== at.step || n !== at.n),
});

export function gateStarted(state: TaskState, event: EventOf<'gate_started'>): TaskState {
  const next = editAttempt(state, event.step, event.n, attempt => {
    const known = attempt.gates.find(g => g.gate === event.gate);
    if (known?.live)
      throw new Error(`task ${state.id}: gate ${event.gate} of ${event.step}/${event.n} is running already`);
    const run: GateRun = {
      gate: event.gate,
      try: event.try,
      nonce: event.nonce,
      job: event.job ?? oldGateJob(attempt, event.gate, event.try),
      record_keys: event.record_key === undefined ? null : [event.record_key],
      started_at: event.t,
      dropped: known?.dropped ?? 0,
      evidence: null,
      live: true,
      epoch: state.epoch,
      boot: state.boot,
      paused_ms: 0,
    };
    return { ...attempt, gates: [...attempt.gates.filter(g => g.gate !== event.gate), run] };
  });
  const begun = step(next, event.step, s =>
    s.attempt?.held ? { ...s, retry_at: null, wait: null, reason: null } : s,
  );
  return live(setUp(begun, event, 'cut'), +1, event.t);
}

/** Until now nothing of it was alive. */
export const gateDelayed = (state: TaskState, event: EventOf<'gate_delayed'>): TaskState =>
  gate(state, event, run => ({ ...run, paused_ms: run.paused_ms + event.ms }));

/** It could not be judged; a judge may have worked all the same. */
export function gateDropped(state: TaskState, event: EventOf<'gate_dropped'>): TaskState {
  const dropped = gate(state, event, run => ({
    ...run,
    live: false,
    dropped: isDrop(event.outcome, run.boot === state.boot) ? run.dropped + 1 : run.dropped,
  }));
  const { hold, outcome } = event;
  const next = hold
    ? step(dropped, event.step, s => ({
        ...s,
        ...hold,
        passing: s.passing + (PASSING.has(outcome) ? 1 : 0),
        attempt: s.attempt && { ...s.attempt, held: heldAgain(s.attempt.held, event) },
      }))
    : mutationDropped(dropped, event);
  return sessionUsed(live(next, -1, event.ended_at), event, event.session, event.claimed);
}

/** What may not go on for ever: tries that are lost while the machine lives, and that use up their own budget. */
const isDrop = (outcome: Outcome, same_boot: boolean) =>
  outcome === 'budget' || (outcome === 'lost' && same_boot);

function heldAgain(held: Attempt['held'], { outcome, t }: EventOf<'gate_dropped'>): Attempt['held'] {
  if (held?.outcome !== outcome) return { outcome, since: t, times: 1 };
  return { ...held, times: held.times + 1 };
}

export function gateEnded(state: TaskState, event: EventOf<'gate_ended'>): TaskState {
  const known = openAttempt(state, event.step, event.n).gates.find(g => g.gate === event.gate);
  let next: TaskState;
  if (known?.live) {
    next = live(
      gate(state, event, run => ({ ...run, live: false, evidence: event.evidence })),
      -1,
      // When it ended, which may be long before a supervisor was there to find it.
      event.evidence.duration_ms === null
        ? event.t
        : new Date(Date.parse(known.started_at) + known.paused_ms + event.evidence.duration_ms).toISOString(),
    );
  } else {
    // A built-in gate has no process: it is judged in one step.
    if (known)
      throw new Error(
        `task ${state.id}: gate ${event.gate} of ${event.step}/${event.n} ended and is not running`,
      );
    const run: GateRun = {
      gate: event.gate,
      try: event.try,
      nonce: '',
      job: '',
      record_keys: [],
      started_at: event.t,
      dropped: 0,
      evidence: event.evidence,
      live: false,
      epoch: state.epoch,
      boot: state.boot,
      paused_ms: 0,
    };
    next = editAttempt(state, event.step, event.n, a => ({ ...a, gates: [...a.gates, run] }));
  }
  next = editAttempt(next, event.step, event.n, a => ({ ...a, held: null }));
  const s = stepOf(next, event.step);
  if (s.kind === 'baseline' && !event.evidence.passed && event.evidence.tolerated) {
    const { name } = event.evidence;
    next = {
      ...next,
      tolerated: [...new Set([...next.tolerated, name])],
      failed_before: [...new Set([...(next.failed_before ?? []), name])],
    };
  }
  if (s.kind === 'final' && event.evidence.passed) {
    next = { ...next, tolerated: next.tolerated.filter(name => name !== event.evidence.name) };
  }
  if (!event.evidence.passed && event.evidence.kind === 'qa') next = countIssues(next, event.evidence);
  next = setUp(next, event, event.evidence.passed ? 'passed' : 'failed');
  next = mutationAsked(next, gatesOf(next, s)[event.gate], event.evidence);
  return sessionUsed(next, event, event.session, event.claimed);
}

/** Of a gate that is `setup` in the worktree; one in a checkout of its own says nothing of that. */
function setUp(state: TaskState, event: { step: string; n: number; gate: number }, how: SetupEnd): TaskState {
  const s = stepOf(state, event.step);
  const gate = gatesOf(state, s)[event.gate];
  if (gate?.kind !== 'setup' || gate.place !== 'work') return state;
  return afterSetup(state, s.attempt?.sealed?.setup, how);
}

/** Once per verdict: one that names an issue three times has not come back to it. */
function countIssues(state: TaskState, evidence: GateEvidence): TaskState {
  const issues = { ...state.issues };
  const counted = new Set<string>();
  for (const finding of evidence.findings) {
    const known = Object.keys(issues);
    const key = knownIssue(finding.text, known) ?? plain(finding.text);
    if (counted.has(key) || (!Object.hasOwn(issues, key) && known.length >= MAX_ISSUES)) continue;
    counted.add(key);
    issues[key] = (issues[key] ?? 0) + 1;
  }
  return { ...state, issues };
}

export function attemptClosed(before: TaskState, event: EventOf<'attempt_closed'>): TaskState {
  openAttempt(before, event.step, event.n);
  const state = sessionUsed(before, event, event.session, null);
  const attempt = openAttempt(state, event.step, event.n);
  if (stepOf(state, event.step).kind === 'service') return serviceClosed(state, event, attempt);
  if (attempt.gates.some(g => g.live))
    throw new Error(`task ${state.id}: ${event.step}/${event.n} closed while a gate runs`);
  if (attempt.work && WORKING.has(attempt.phase)) {
    throw new Error(
      `task ${state.id}: attempt_closed of ${event.step}/${event.n} while it is ${attempt.phase}`,
    );
  }
  // That a subtask is not completed as its plan claims is nobody's failure, and a day whose budget is used up says
  // nothing about the work.
  const asked = !attempt.work && stepOf(state, event.step).kind === 'subtask';
  const counts = COUNTS[event.outcome] && event.wait === null && !asked;
  const record = recordOf(state, attempt, event, counts);
  const next = step(state, event.step, s => ({
    ...s,
    status: 'pending',
    attempt: null,
    passed: event.outcome === 'ok' ? passedBy(attempt) : null,
    counted: s.counted + (counts ? 1 : 0),
    // Neither hides the other: an attempt that is lost says nothing of a limit, and the reverse.
    lost: lostInARow(state, s, attempt, event.outcome),
    passing: PASSING.has(event.outcome) ? s.passing + 1 : UNSAID.has(event.outcome) ? s.passing : 0,
    no_commit: noCommit(s, attempt, counts),
    retry_at: event.retry_at,
    wait: event.wait,
    block: event.block,
    reason: event.reason,
    history: [...s.history, record].slice(-MAX_HISTORY),
  }));
  // Commands have their own allowance and on_fail; six red linters in a row are no reason to leave out the seventh.
  const failed =
    counts && event.outcome !== 'ok' && (isAgentStep(state, stepOf(state, event.step)) || !attempt.work);
  const is_cut = event.outcome === 'killed' || event.outcome === 'lost';
  const how = event.outcome === 'ok' ? 'passed' : is_cut ? 'cut' : 'failed';
  const set_up = stepOf(state, event.step).kind === 'setup' ? afterSetup(next, attempt.setup, how) : next;
  return {
    ...(event.away ? withAway(set_up, event.away) : set_up),
    notes: withoutNotesTo(next.notes, event.step, event.n),
    login: provesLogin(event.outcome) ? null : next.login,
    iterations_before: next.iterations_before + (attempt.work && FREE.has(event.outcome) ? 1 : 0),
    last_closed_at: attempt.work ? event.t : next.last_closed_at,
    consecutive_failures: event.outcome === 'ok' ? 0 : next.consecutive_failures + (failed ? 1 : 0),
    memory: attempt.claim
      ? remember(next, event.step, attempt.claim.decisions, attempt.claim.learnings)
      : next.memory,
  };
}

/** What went down with its machine says nothing about the attempt: only what is lost while the machine lives counts. */
function lostInARow(state: TaskState, s: Step, attempt: Attempt, outcome: Outcome): number {
  if (outcome === 'lost') return s.lost + (attempt.boot === state.boot ? 1 : 0);
  return PASSING.has(outcome) || outcome === 'session_lost' ? s.lost : 0;
}

/** Phases in which a process may be alive or on its way. */
const WORKING: ReadonlySet<Attempt['phase']> = new Set(['prepared', 'running', 'stopping']);

/** The commit that a check was made on, or that holds the work; the latter is the next good one. */
function passedBy(attempt: Attempt): NonNullable<Step['passed']> {
  if (attempt.sealed) return { commit: attempt.sealed.commit, good: true };
  return { commit: attempt.work ? null : attempt.from, good: false };
}

/** They say nothing of what passes. */
const UNSAID: ReadonlySet<Outcome> = new Set(['lost', 'session_lost']);
/** A day of looking whether a service answers, or for a session that is gone, must not use up the iterations of the task. */
const FREE: ReadonlySet<Outcome> = new Set(['limit', 'overloaded', 'network', 'auth', 'session_lost']);
const PASSING: ReadonlySet<Outcome> = new Set(['limit', 'overloaded', 'network', 'auth', 'asked']);

function noCommit(s: Step, attempt: Attempt, counts: boolean): number {
  if (!attempt.sealed || !counts) return s.no_commit;
  return attempt.sealed.commits > 0 ? 0 : s.no_commit + 1;
}

export function recordOf(
  state: TaskState,
  attempt: Attempt,
  event: EventOf<'attempt_closed'>,
  counted: boolean,
): AttemptRecord {
  const refused =
    attempt.gates.find(g => g.evidence && !g.evidence.passed && !g.evidence.tolerated)?.evidence ?? null;
  const judged = refused?.kind === 'review' || refused?.kind === 'qa' ? refused.findings : [];
  const issues = judged.slice(0, MAX_RECORD_ISSUES).map(({ text }) => text);
  return {
    n: attempt.n,
    job: attempt.job,
    ...(attempt.agent === undefined ? {} : { agent: attempt.agent }),
    work: attempt.work,
    outcome: event.outcome,
    counted,
    reason: event.reason,
    started_at: attempt.started_at ?? attempt.created_at,
    ended_at: attempt.ended_at ?? event.t,
    code: attempt.code,
    commit: attempt.sealed?.commit ?? null,
    tree: attempt.sealed?.tree ?? null,
    good: state.good.at(-1)?.commit ?? state.workspace?.base ?? null,
    changed: attempt.sealed?.changed ?? false,
    summary: attempt.claim?.summary ?? null,
    ...(attempt.unreached ? { unreached: attempt.unreached } : {}),
    gate: refused?.name ?? null,
    gate_tail: refused ? (refused.log_tail ?? refused.findings.map(f => f.text).join('\n')) : null,
    ...(issues.length > 0 ? { issues } : {}),
    input_tokens: attempt.claim?.input_tokens ?? 0,
    output_tokens: attempt.claim?.output_tokens ?? 0,
  };
}

function remember(
  state: TaskState,
  subtask: string,
  decisions: string[],
  learnings: string[],
): TaskState['memory'] {
  const { memory } = state.spec;
  if (!memory.enabled) return state.memory;
  const merge = (old: { subtask_id: string; content: string }[], add: string[], max: number) => {
    const known = new Set(old.map(item => item.content));
    const fresh = add
      .filter(content => !known.has(content))
      .map(content => ({ subtask_id: subtask, content }));
    return max === 0 ? [] : [...old, ...fresh].slice(-max);
  };
  return {
    decisions: merge(state.memory.decisions, decisions, memory.max_decisions),
    learnings: merge(state.memory.learnings, learnings, memory.max_learnings),
  };
}
