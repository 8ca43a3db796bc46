/**
 * One open attempt: what happens next with it. Pure, level-triggered: looks at what is true now, never at what just
 * happened, so that the first pass after a crash is an ordinary pass.
 *
 *   created ─prepare─► prepared ─launch─► running ─end─► ended ─seal─► sealed ─gates─► closed
 *                          │                 └─► stopping ─end─┘ (a ladder: TERM, KILL, verified empty)
 *                          └─ a check has no work: straight to its gates
 */

import type { BudgetUse } from '../contract/budget.ts';
import type { NewEvent } from '../contract/event.ts';
import type { Outcome, StopReason, WaitReason } from '../contract/status.ts';
import { usedUp, waitsForDay } from './budget.ts';
import type { Effect, Observed } from './effect.ts';
import { type Gate, gatesOf, isAgentStep, isIdle, MAX_GATE_DROPS } from './gates-of.ts';
import { isUp, projectServices } from './needs.ts';
import { HURRY_SHARE, hurry, notesFor } from './notes.ts';
import { sessionsAfter } from './quiet-hours.ts';
import { relayed } from './relay.ts';
import { verdictOf } from './retry.ts';

import { type Attempt, type GateRun, gateJob, type Step, type TaskState } from './state.ts';
import { latestOf, RESULT_GRACE_MS, stopReason, timeoutsOf, wantedStop } from './stop-reason.ts';
import { isSealed } from './worktree-use.ts';

/** How often a task that waits for disk space looks again. */
export const DISK_PROBE_MS = 5000;

export interface Next {
  events: NewEvent[];
  effects: Effect[];
  /** Look again at this time even if nothing is heard. */
  wake_ms: number | null;
}

const nothing: Next = { events: [], effects: [], wake_ms: null };
const record = (...events: NewEvent[]): Next => ({ events, effects: [], wake_ms: null });
const ask = (effect: Effect, wake_ms: number | null = null): Next => ({
  events: [],
  effects: [effect],
  wake_ms,
});

export function nextOfAttempt(state: TaskState, step: Step, attempt: Attempt, seen: Observed): Next {
  const at = { step: step.id, n: attempt.n };
  switch (attempt.phase) {
    case 'created':
      return ask({ type: 'prepare', key: `prepare:${attempt.job}`, ...at });
    case 'prepared':
      if (!attempt.work) return gates(state, step, attempt, seen);
      if (state.want !== 'run') return record({ type: 'attempt_stopping', ...at, reason: wantedStop(state) });
      // A launch before a power cut may have left no trace; it is not repeated under the same number.
      if (attempt.boot !== state.boot) return ask(endOfWork(step, attempt, null, null));
      if (seen.suspending) return record({ type: 'attempt_stopping', ...at, reason: 'suspend' });
      if (seen.draining) return nothing;
      return launched(attempt, at, seen);
    case 'running':
      return running(state, step, attempt, seen);
    case 'stopping':
      return ask(endOfWork(step, attempt, state.force ? 'force' : 'grace', attempt.stop_reason));
    case 'ended':
      if (mayHaveStarted(attempt)) return ask(endOfWork(step, attempt, 'grace', null));
      if (!needsSeal(state, step, attempt)) return judged(state, step, attempt, seen);
      return maySeal(state, step) ? ask({ type: 'seal', key: `seal:${attempt.job}`, ...at }) : nothing;
    case 'sealed':
      return judged(state, step, attempt, seen);
    case 'closed':
      throw new Error(`a closed attempt is not open: ${state.id} ${step.id}/${attempt.n}`);
  }
}

/** What its runner will sign with is in the journal before there is a runner. */
function launched(attempt: Attempt, at: { step: string; n: number }, seen: Observed): Next {
  const record_key = seen.record_key(attempt.nonce);
  if (attempt.record_keys && !attempt.record_keys.includes(record_key))
    return record({ type: 'record_key_drawn', ...at, record_key });
  const { job } = attempt;
  return ask({ type: 'launch', key: `launch:${job}`, job, ...at, gate: null });
}

function running(state: TaskState, step: Step, attempt: Attempt, seen: Observed): Next {
  const facts = seen.job(attempt.job);
  // A power cut may leave a claim without its runner's name, which looks like one that is about to say it.
  const is_gone = attempt.boot !== state.boot;
  if (is_gone || !facts || facts.exited || !facts.alive) return ask(endOfWork(step, attempt, null, null));
  // It is over, in time and by itself, and only waits for the disk to take that down.
  if (facts.recording && state.want === 'run' && !seen.suspending) return nothing;
  const { reason, wake_ms } = stopReason(state, step, attempt, facts, seen);
  if (reason === null)
    return attempt.talks ? spokenWith(state, step, attempt, seen.now_ms, wake_ms) : { ...nothing, wake_ms };
  const over = reason === 'budget' ? usedUp(state, step, seen) : null;
  const loop = reason === 'loop' ? (facts.signs?.loop ?? null) : null;
  return record({ type: 'attempt_stopping', step: step.id, n: attempt.n, reason, over, loop });
}

/** Notes for a session that can be spoken with, and in time the one that its time is running out. */
function spokenWith(
  state: TaskState,
  step: Step,
  attempt: Attempt,
  nowMs: number,
  wake_ms: number | null,
): Next {
  const { timeout } = timeoutsOf(state, step);
  let wake = wake_ms;
  if (timeout !== null && !attempt.hurried && step.kind !== 'plan') {
    const started = Date.parse(attempt.started_at ?? attempt.created_at) + attempt.paused_ms;
    const soft = started + timeout * 1000 * HURRY_SHARE;
    if (soft <= nowMs) return record(hurry(state, step, attempt, started + timeout * 1000 - nowMs));
    wake = Math.min(wake ?? soft, soft);
  }
  const { job } = attempt;
  const effects = notesFor(state, step, attempt).map(({ note }): Effect => {
    return { type: 'tell', key: `tell:${job}:${note}`, job, step: step.id, n: attempt.n, note };
  });
  return { events: [], effects, wake_ms: wake };
}

function endOfWork(
  step: Step,
  attempt: Attempt,
  kill: 'grace' | 'force' | null,
  why: StopReason | null,
): Effect {
  const { job } = attempt;
  return { type: 'end', key: `end:${job}`, job, step: step.id, n: attempt.n, gate: null, kill, why };
}

/** It could not be launched; a runner that a supervisor before this one spawned may be on its way all the same. */
export function mayHaveStarted(attempt: Attempt): boolean {
  return attempt.outcome === 'startup' && attempt.prepared_at !== null && attempt.started_at === null;
}

/** Whether what the work left has to be committed before anything is judged. */
function needsSeal(state: TaskState, step: Step, attempt: Attempt): boolean {
  if (attempt.outcome === 'startup' && attempt.started_at === null) return false;
  return isSealed(state, step);
}

/**
 * Commands of a git task may run side by side in the one worktree. What they left is committed when the last one is
 * out, and then for one after the other: every completed subtask names a commit that holds its work.
 */
function maySeal(state: TaskState, step: Step): boolean {
  const mine = state.steps.indexOf(step);
  return state.steps.every((other, index) => {
    if (other === step || !other.attempt?.work || !isSealed(state, other)) return true;
    return other.attempt.phase === 'ended' && index > mine;
  });
}

function judged(state: TaskState, step: Step, attempt: Attempt, seen: Observed): Next {
  const outcome = attempt.outcome ?? 'lost';
  if (!mayPass(state, step, attempt))
    return close(state, step, withBudget(state, step, attempt, seen), outcome, attempt.message, seen.now_ms);
  if (step.kind === 'plan') {
    if (attempt.accepted) return completed(state, step, attempt, seen.now_ms);
    return ask({
      type: 'accept_plan',
      key: `plan:${attempt.job}`,
      step: step.id,
      n: attempt.n,
    });
  }
  return gates(state, step, attempt, seen);
}

/** Some programs end themselves at the dollars that they are given; which budget these were of is known only now. */
function withBudget(state: TaskState, step: Step, attempt: Attempt, seen: Observed): Attempt {
  if (attempt.outcome !== 'budget' || attempt.stop_reason !== null) return attempt;
  return { ...attempt, over: attempt.over ?? usedUp(state, step, seen) };
}

/** Whether its gates are asked: it ended well, or only a budget ended it. */
function mayPass(state: TaskState, step: Step, attempt: Attempt): boolean {
  return attempt.outcome === 'ok' || (attempt.outcome === 'budget' && canProve(state, step));
}

/** Work that was cut short by a budget may still be good; only gates that look at it can tell. */
function canProve(state: TaskState, step: Step): boolean {
  if (!isAgentStep(state, step) || step.kind === 'plan') return false;
  return gatesOf(state, step).some(
    gate => gate.kind === 'run' || gate.kind === 'review' || gate.kind === 'qa',
  );
}

function gates(state: TaskState, step: Step, attempt: Attempt, seen: Observed): Next {
  const list = gatesOf(state, step);
  for (const [index, gate] of list.entries()) {
    if (isIdle(list, index, attempt)) continue;
    const run = attempt.gates.find(g => g.gate === index);
    if (run?.live) return liveGate(state, step, attempt, gate, run, seen);
    if (!run?.evidence) return startGate(state, step, attempt, index, gate, run ?? null, seen);
    if (!run.evidence.passed && !run.evidence.tolerated) {
      // Allowed once more meanwhile, its budget is no reason any longer.
      const is_dry = attempt.outcome === 'budget' && (!attempt.over || usedUp(state, step, seen) !== null);
      const outcome = is_dry ? 'budget' : 'gate_failed';
      return close(
        state,
        step,
        withBudget(state, step, attempt, seen),
        outcome,
        `${run.evidence.name}: ${run.evidence.reason ?? 'refused'}`,
        seen.now_ms,
      );
    }
  }
  return passed(state, step, attempt, seen.now_ms);
}

function startGate(
  state: TaskState,
  step: Step,
  attempt: Attempt,
  index: number,
  gate: Gate,
  run: GateRun | null,
  seen: Observed,
): Next {
  if (state.want !== 'run') return nothing;
  if (gate.kind === 'clean' || gate.kind === 'diff') {
    return ask({
      type: 'judge',
      key: `judge:${step.id}/${attempt.n}/${index}`,
      step: step.id,
      n: attempt.n,
      gate: index,
    });
  }
  if (run && run.dropped >= MAX_GATE_DROPS) {
    return close(
      state,
      step,
      attempt,
      'lost',
      `the ${gate.name} gate was lost ${run.dropped} times`,
      seen.now_ms,
    );
  }
  if (seen.slots <= 0 || seen.draining) return nothing;
  // What is judged may need them as the work did.
  if (projectServices(state).some(s => !isUp(s))) return nothing;
  // It waits for a time, or for a person: decide says so.
  const hold = isJudge(gate) ? holdOf(state, step, attempt, seen) : null;
  if (hold) return { ...nothing, wake_ms: hold.due?.at ?? null };
  if (seen.disk_low !== null) return { ...nothing, wake_ms: seen.now_ms + DISK_PROBE_MS };
  const first = staleSetup(state, step, attempt, gate, run) ?? { index, run };
  const tries = (first.run?.try ?? 0) + 1;
  const nonce = seen.nonce();
  return record({
    type: 'gate_started',
    step: step.id,
    n: attempt.n,
    gate: first.index,
    try: tries,
    nonce,
    job: gateJob(attempt, first.index, tries, nonce),
    record_key: seen.record_key(nonce),
  });
}

/**
 * The `setup` that a gate needs once more before it: the machine went down since, which may have taken what it wrote, or a
 * judge has been in the checkout already.
 */
function staleSetup(
  state: TaskState,
  step: Step,
  attempt: Attempt,
  gate: Gate,
  run: GateRun | null,
): { index: number; run: GateRun } | null {
  const index = gatesOf(state, step).findIndex(g => g.kind === 'setup' && g.place === gate.place);
  const made = attempt.gates.find(g => g.gate === index);
  if (gate.kind === 'setup' || !made?.evidence) return null;
  const was_used = isJudge(gate) && run !== null && run.started_at >= made.started_at;
  return was_used || made.boot !== state.boot ? { index, run: made } : null;
}

export const isJudge = (gate: Gate) => gate.kind === 'review' || gate.kind === 'qa';

/** What a judge waits for: a budget, a time, or (neither) a person who sees to the block of its step. */
export interface Hold {
  step: Step;
  over: BudgetUse | null;
  due: { at: number; wait: WaitReason | null } | null;
}

function holdOf(state: TaskState, step: Step, attempt: Attempt, seen: Observed): Hold | null {
  if (step.block) return { step, over: null, due: null };
  const over = usedUp(state, step, seen);
  if (over) return { step, over, due: null };
  const tomorrow = waitsForDay(state, seen);
  if (tomorrow !== null) return { step, over: null, due: { at: tomorrow, wait: 'budget' } };
  const own = attempt.held && step.retry_at ? Date.parse(step.retry_at) : 0;
  const soonest = Math.max(own, seen.now_ms);
  const at = sessionsAfter(state, soonest);
  if (at <= seen.now_ms) return null;
  return { step, over: null, due: { at, wait: own > seen.now_ms ? step.wait : 'quiet_hours' } };
}

/** An attempt whose next gate is a judge that may not begin. */
export function heldJudge(state: TaskState, seen: Observed): Hold | null {
  for (const step of state.steps) {
    const { attempt } = step;
    if (!attempt || !isJudged(state, step, attempt)) continue;
    const done = (index: number) => attempt.gates.some(g => g.gate === index && g.evidence);
    const list = gatesOf(state, step);
    const next = list.find((_gate, index) => !done(index) && !isIdle(list, index, attempt));
    const hold = next && isJudge(next) ? holdOf(state, step, attempt, seen) : null;
    if (hold) return hold;
  }
  return null;
}

/** Its work, if it has any, is over, and all of its gates that were asked have let it pass. */
function isJudged(state: TaskState, step: Step, attempt: Attempt): boolean {
  if (attempt.gates.some(g => g.live || (g.evidence && !g.evidence.passed && !g.evidence.tolerated)))
    return false;
  if (!attempt.work) return attempt.phase === 'prepared';
  const is_over =
    attempt.phase === 'sealed' || (attempt.phase === 'ended' && !needsSeal(state, step, attempt));
  return is_over && mayPass(state, step, attempt);
}

function liveGate(
  state: TaskState,
  step: Step,
  attempt: Attempt,
  gate: Gate,
  run: GateRun,
  seen: Observed,
): Next {
  const { job } = run;
  const at = { job, step: step.id, n: attempt.n, gate: run.gate };
  const end = (kill: 'grace' | 'force' | null, why: StopReason | 'stale' | null) =>
    ask({ type: 'end', key: `end:${job}`, ...at, kill, why });
  const facts = seen.job(job);
  if (!facts?.claimed && run.epoch !== state.epoch) {
    // A supervisor before this one did not come to launch it, or a power cut took the trace: its time runs since then,
    // so it is not launched late. Without a folder there never was a runner; with one, a late runner is fenced off.
    if (facts) return end(null, 'stale');
    return record({
      type: 'gate_dropped',
      step: at.step,
      n: at.n,
      gate: at.gate,
      try: run.try,
      outcome: 'killed',
      ended_at: run.started_at,
    });
  }
  if (state.want !== 'run') return end(state.force ? 'force' : 'grace', 'user');
  if (seen.suspending) return end('grace', 'suspend');
  if (!facts?.claimed) return seen.draining ? nothing : ask({ type: 'launch', key: `launch:${job}`, ...at });
  if (run.boot !== state.boot || facts.exited || !facts.alive) return end(null, null);
  if (facts.recording) return nothing;
  if (facts.flood) return end('grace', 'flood');
  const is_costly = isJudge(gate) && !facts.signs?.through;
  if (is_costly && usedUp(state, step, seen)) return end('grace', 'budget');
  if (facts.signs?.loop) return end('grace', 'loop');
  const seconds = timeoutOf(gate) ?? state.spec.limits.session_timeout_seconds;
  const deadline =
    seconds === null ? Number.POSITIVE_INFINITY : Date.parse(run.started_at) + seconds * 1000 + run.paused_ms;
  // A judge that has judged and hangs is not waited for.
  const through = isJudge(gate) && (facts.result_at !== null || facts.signs?.through === true);
  const signs = [run.started_at, facts.last_output_at, facts.result_at, state.last_jump_at];
  const quiet = latestOf(signs, seen.now_ms) + RESULT_GRACE_MS;
  if (through && Math.min(quiet, deadline) <= seen.now_ms) return end('grace', 'result');
  if (deadline <= seen.now_ms) return end('grace', 'timeout');
  const wake_ms = through ? Math.min(quiet, deadline) : deadline;
  return { ...nothing, wake_ms: Number.isFinite(wake_ms) ? wake_ms : null };
}

/** Longest run of a gate without the change: a question beside the work must not hold it up. */
const MUTATION_SECONDS = 600;

function timeoutOf({ place, run }: Gate): number | null {
  if (run === null) return null;
  return place === 'mutation' ? Math.min(run.timeout_seconds, MUTATION_SECONDS) : run.timeout_seconds;
}

function passed(state: TaskState, step: Step, attempt: Attempt, nowMs: number): Next {
  if (attempt.sealed) {
    const k = state.good.length + 1;
    const key = `good:${step.id}/${attempt.n}`;
    return ask({ type: 'mark_good', key, step: step.id, n: attempt.n, k, commit: attempt.sealed.commit });
  }
  return completed(state, step, attempt, nowMs);
}

function completed(state: TaskState, step: Step, attempt: Attempt, nowMs: number): Next {
  const closed = close(state, step, attempt, 'ok', null, nowMs);
  const commit = attempt.work ? null : attempt.from;
  return record(...closed.events, { type: 'step_completed', step: step.id, commit, good: null });
}

/** The final word on an attempt, with what follows for its step. */
export function close(
  state: TaskState,
  step: Step,
  attempt: Attempt,
  outcome: Outcome,
  reason: string | null,
  nowMs: number,
): Next {
  const verdict =
    escalated(state, step, attempt, outcome) ??
    relayed(
      ...([state, step, attempt, outcome] as const),
      verdictOf(state, step, attempt, outcome, reason, nowMs),
      nowMs,
    );
  const closed: NewEvent = {
    type: 'attempt_closed',
    step: step.id,
    n: attempt.n,
    outcome,
    reason,
    ...verdict,
  };
  const fix = state.steps.find(s => s.kind === 'fix');
  // What the final gates refuse goes to the agent once more before they are asked again.
  if (step.kind !== 'final' || outcome !== 'gate_failed' || verdict.block || !fix || fix.status === 'pending')
    return record(closed);
  // The reset comes first: were only the first of the two durable, closing the attempt would still be to be done.
  return record(
    { type: 'step_reset', step: fix.id, reason: reason ?? 'the final gates refused the result' },
    closed,
  );
}

/** QA that names the same issue again and again will not be satisfied by one more try: a person decides. */
function escalated(
  state: TaskState,
  step: Step,
  attempt: Attempt,
  outcome: Outcome,
): ReturnType<typeof verdictOf> | null {
  if (outcome !== 'gate_failed' || !attempt.gates.some(g => g.evidence?.kind === 'qa' && !g.evidence.passed))
    return null;
  const times = state.spec.qa.recurring_issue_threshold;
  const again = Object.entries(state.issues).find(([, count]) => count >= times);
  if (!again) return null;
  const message = `${step.id}: QA named the same issue ${again[1]} times: ${again[0].slice(0, 200)} (see QA_ESCALATION.md)`;
  return { retry_at: null, wait: null, block: { why: 'review', message } };
}

/** Ends of the attempts that a task has open and of which nothing is alive. */
export function closesOf(state: TaskState, reason: string): Extract<NewEvent, { type: 'attempt_closed' }>[] {
  return state.steps.flatMap(({ id, attempt }) =>
    attempt === null
      ? []
      : {
          ...{ type: 'attempt_closed' as const, step: id, n: attempt.n },
          ...{ outcome: 'killed' as const, reason, retry_at: null, wait: null, block: null },
        },
  );
}
