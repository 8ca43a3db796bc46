/**
 * decide: the next action of a task from its state and what is seen of the world. Pure. Gives either events to record
 * (then it is asked again), or effects to start. Asking twice is harmless; effects carry a key, and one that is under
 * way is not started again.
 */

import type { BudgetUse } from '../contract/budget.ts';
import type { NewEvent } from '../contract/event.ts';
import { isAtRest, isTerminal, type WaitReason } from '../contract/status.ts';
import { closesOf, DISK_PROBE_MS, type Hold, heldJudge, type Next, nextOfAttempt } from './attempt.ts';
import { holdsUnfinishedWork, serviceHold } from './backend.ts';
import { budgetText, nearlyUsed, usedUp, waitsForDay } from './budget.ts';
import type { Effect, Observed, Trouble } from './effect.ts';
import { finalGates, gatesOf, isAgentStep, isClaimedCompleted, subtaskOf } from './gates-of.ts';
import { loginRetryAt, nextLogin } from './login.ts';
import { turnedGreen } from './mutation.ts';
import { nextNotices } from './notices.ts';
import { afterQuietHours } from './quiet-hours.ts';
import { sessionToResume } from './resume.ts';
import { again, exhaustionOf, RETRY } from './retry.ts';
import { isOutdated } from './setup.ts';
import { STEP, type Step, stepOf, type TaskState, workJob } from './state.ts';
import { runtimeLeftMs } from './stop-reason.ts';
import { waitForTurn } from './turn.ts';

const record = (...events: NewEvent[]): Next => ({ events, effects: [], wake_ms: null });
const until = (wake_ms: number | null): Next => ({ events: [], effects: [], wake_ms });

export function decide(state: TaskState, seen: Observed): Next {
  const next = nextOfTask(state, seen);
  if (next.events.length > 0) return next;
  const notices = nextNotices(state, seen);
  return {
    events: [],
    effects: [...next.effects, ...notices.effects],
    wake_ms: earliest(next.wake_ms, notices.wake_ms),
  };
}

function nextOfTask(state: TaskState, seen: Observed): Next {
  // A merge that a suspension cut short is made by the next supervisor.
  if (state.merge && seen.suspending) return until(null);
  if (state.merge)
    return {
      ...until(null),
      effects: [{ type: 'merge', key: `merge:${state.merge.op}`, op: state.merge.op }],
    };
  if (isTerminal(state.status)) return until(null);
  // Who cancels does not wait for it.
  if (state.rollback && state.want !== 'cancel') return rollBack(state, state.rollback, seen);

  const passed = state.steps.find(s => s.passed);
  if (passed?.passed) {
    const { commit, good } = passed.passed;
    return record({
      type: 'step_completed',
      step: passed.id,
      commit,
      good: good ? state.good.length + 1 : null,
    });
  }
  if (state.want === 'run' && seen.turn && !isAtRest(state.status) && !state.steps.some(isLive))
    return seen.draining ? until(null) : waitForTurn(state, seen.turn, seen.now_ms);
  if (state.want === 'run' && isHeld(state, seen) && state.steps.some(s => s.attempt))
    return record({ type: 'task_started' });
  const nearly = state.status.name === 'running' ? nearlyUsed(state, seen) : [];
  if (nearly.length > 0)
    return record(...nearly.map(use => ({ type: 'budget_nearly_used' as const, ...use })));
  const effects: Effect[] = [];
  let wake: number | null = null;
  let busy = false;
  let ending = false;
  let stuck: Trouble | null = null;
  for (const step of state.steps) {
    if (!step.attempt) continue;
    const next = nextOfAttempt(state, step, step.attempt, seen);
    if (next.events.length > 0) return next;
    effects.push(...next.effects);
    wake = earliest(wake, next.wake_ms);
    const trouble = troubleOf(next.effects, seen);
    stuck ??= trouble;
    // What cannot be ended goes on.
    const lives = next.effects.some(effect => effect.type === 'end' && seen.job(effect.job)?.alive);
    busy ||= trouble === null ? next.effects.length > 0 || isLive(step) : lives;
    // Whether its processes are gone is not known before the end was seen.
    ending ||= next.effects.some(effect => effect.type === 'end');
  }

  if (state.want !== 'run') {
    if (busy || ending) return { events: [], effects, wake_ms: wake };
    const park = parked(state);
    return park.events.length > 0 ? park : { events: [], effects, wake_ms: wake };
  }
  if (state.status.name === 'interrupted') return { events: [], effects, wake_ms: wake };
  if (state.status.name === 'blocked') {
    // What it comes after was completed after all.
    if (state.status.why === 'after' && seen.turn === null && !seen.draining)
      return record({ type: 'task_resumed' });
    const again = nextLogin(state, seen);
    // What could not be done is done when a person says so.
    const ends = effects.filter(effect => effect.type === 'end');
    return { ...again, effects: ends, wake_ms: earliest(wake, again.wake_ms) };
  }

  if (stuck) {
    const { events } = busy ? until(null) : waitOut(state, stuck, seen.now_ms);
    return events.length > 0 ? record(...events) : { events, effects, wake_ms: wake };
  }
  if (seen.disk_low !== null && !busy && state.steps.some(s => s.attempt))
    return waitForDisk(state, seen.disk_low, seen.now_ms);
  if (!busy && effects.length === 0) {
    const held = heldJudge(state, seen);
    if (held) return heldBack(state, held, seen.now_ms);
  }

  const next = start(state, seen, busy);
  return next.events.length > 0 ? next : { events: [], effects, wake_ms: earliest(wake, next.wake_ms) };
}

/** Before anything else: nothing of the task is alive, and nothing begins on what is about to be undone. */
function rollBack(state: TaskState, { op }: { op: string }, seen: Observed): Next {
  if (seen.suspending) return until(null);
  const effect: Effect = { type: 'rollback', key: `rollback:${op}`, op };
  const trouble = seen.troubles.get(effect.key);
  if (trouble && !isAtRest(state.status)) {
    const { events } = waitOut(state, trouble, seen.now_ms);
    if (events.length > 0) return record(...events);
  }
  return { ...until(null), effects: [effect] };
}

/** Whether open attempts are about to go on, after a resume or when there is room on the disk or a new day. */
function isHeld(state: TaskState, seen: Observed): boolean {
  if (state.status.name === 'pending') return true;
  if (state.status.name !== 'waiting' || seen.disk_low !== null || seen.troubles.size > 0) return false;
  return heldJudge(state, seen) === null;
}

/** The trouble that one of the effects meets. */
function troubleOf(effects: readonly Effect[], { troubles }: Observed): Trouble | null {
  for (const { key } of effects) {
    const trouble = troubles.get(key);
    if (trouble) return trouble;
  }
  return null;
}

/** Whether a process of the step may be alive. */
function isLive(step: Step): boolean {
  const attempt = step.attempt;
  return (
    !!attempt &&
    (attempt.phase === 'running' || attempt.phase === 'stopping' || attempt.gates.some(g => g.live))
  );
}

/** Nothing of the task is alive, and the user does not want it to run. */
function parked(state: TaskState): Next {
  if (state.want === 'cancel') {
    return record(...closesOf(state, 'cancelled'), { type: 'task_cancelled' });
  }
  const { name } = state.status;
  if (name === 'blocked' || name === 'interrupted') return until(null);
  return record({ type: 'task_interrupted', by: state.want_by });
}

/** Nothing open decides any more: start what may start, or say why nothing can. */
function start(state: TaskState, seen: Observed, busy: boolean): Next {
  for (const step of state.steps) {
    if (step.status !== 'pending' || step.block) continue;
    const exhausted = exhaustionOf(state, step);
    if (exhausted) return record({ type: 'step_failed', step: step.id, reason: exhausted });
  }
  const open = state.steps.filter(s => s.attempt);
  // Whatever may start, it has to wait for one that ends; a task may have thousands that wait so.
  if (isFull(state, open)) return until(null);
  const planner = state.steps.find(s => s.kind === 'plan');
  if (!state.plan && planner?.status === 'completed')
    return record({ type: 'step_reset', step: planner.id, reason: 'there is no plan' });

  const mayStart = orderOf(state);
  const pending = state.steps.filter(s => s.status === 'pending' && mayStart(s));
  // The commits of interrupted work would be left behind by another step that makes one good meanwhile.
  const unfinished = pending.find(s => holdsUnfinishedWork(state, s) && isCurrent(state, s));
  const able = (unfinished ? [unfinished] : pending).filter(
    s => !s.block && serviceHold(state, s, seen.now_ms)?.at !== Number.POSITIVE_INFINITY,
  );
  if (seen.draining) return until(null);
  // Sessions cost; commands and checks do not.
  const poor = able.flatMap(s => {
    const over = isAgentStep(state, s) ? usedUp(state, s, seen) : null;
    return over ? [{ s, over }] : [];
  });
  const ready = able.filter(s => poor.every(p => p.s !== s));
  if (ready.length === 0 && poor.length > 0 && !busy && open.length === 0) {
    const first = poor.find(({ over }) => over.until !== null) ?? poor[0]!;
    return dry(state, first.s.id, first.over);
  }
  if (ready.length === 0)
    return open.length > 0 || poor.length > 0 ? until(null) : finish(state, seen.now_ms);
  const over = spent(state, ready, seen.now_ms);
  if (over) return busy || open.length > 0 ? until(null) : record(over);

  const next =
    seen.disk_low === null && seen.slots > 0
      ? ready.find(s => hasRoom(state, s, open) && dueAt(state, s, seen).at <= seen.now_ms)
      : undefined;
  if (next) return begin(state, next, open, seen);
  const due = ready.map(s => ({ s, ...dueAt(state, s, seen) }));
  const now = due.filter(({ at }) => at <= seen.now_ms);
  const later = due
    .filter(({ at }) => at > seen.now_ms)
    .reduce<number | null>((first, { at }) => earliest(first, at), null);
  if (now.length > 0 && seen.disk_low !== null)
    return open.length > 0
      ? until(seen.now_ms + DISK_PROBE_MS)
      : waitForDisk(state, seen.disk_low, seen.now_ms);
  return now.length > 0 || open.length > 0 ? until(later) : waitFor(state, due);
}

/** No other step has made a commit good since its last attempt; else what that left is behind already. */
const isCurrent = (state: TaskState, step: Step): boolean =>
  step.history.at(-1)!.good === (state.good.at(-1)?.commit ?? state.workspace?.base ?? null);

/** A task-wide limit that is used up. */
function spent(state: TaskState, ready: readonly Step[], nowMs: number): NewEvent | null {
  const { limits } = state.spec;
  const blocked = (why: 'budget' | 'attempts', message: string): NewEvent => ({
    type: 'task_blocked',
    why,
    message,
    subtask: null,
  });
  const made = state.iterations - state.iterations_before;
  // Only a step with work makes an iteration; the checks at start and end never do.
  if (made >= limits.max_iterations && ready.some(s => s.kind !== 'baseline' && s.kind !== 'final')) {
    return blocked('budget', `max_iterations (${limits.max_iterations}) reached`);
  }
  const left = runtimeLeftMs(state, nowMs);
  if (left !== null && left <= 0)
    return blocked('budget', `max_runtime_seconds (${limits.max_runtime_seconds}) of active time used`);
  if (state.consecutive_failures >= limits.max_consecutive_failures) {
    return blocked('attempts', `${state.consecutive_failures} attempts failed in a row without progress`);
  }
  return null;
}

/** Order of the steps: what must be over before one may start. Made once a turn, since plans may be long. */
function orderOf(state: TaskState): (step: Step) => boolean {
  const done = (kind: Step['kind']) => state.steps.every(s => s.kind !== kind || isDone(s));
  const planned = done('plan');
  const ready = planned && done('setup');
  const based = ready && done('baseline');
  const stopped = state.steps.some(
    s => s.status === 'failed' && s.kind === 'subtask' && subtaskOf(state, s.id).on_fail === 'stop',
  );
  const worked = done('subtask');
  const over = new Set(state.steps.filter(isDone).map(s => s.id));
  return step => {
    switch (step.kind) {
      case 'plan':
        return true;
      case 'setup':
        return planned;
      case 'baseline':
        return ready;
      case 'subtask':
        return based && !stopped && subtaskOf(state, step.id).needs.every(id => over.has(id));
      case 'fix':
        return worked && state.steps.every(s => s.kind !== 'final' || s.status !== 'failed');
      case 'final':
        return worked && done('fix');
    }
  };
}

const isDone = (step: Step) => step.status === 'completed' || step.status === 'skipped';

interface Due {
  at: number;
  /** Why that is a wait that the task shows, and not a short pause. */
  wait: WaitReason | null;
}

/** Earliest start of a step that may start: its own time, and that at which sessions may begin. */
function dueAt(state: TaskState, step: Step, seen: Observed): Due {
  const nowMs = seen.now_ms;
  const tomorrow = isAgentStep(state, step) ? waitsForDay(state, seen) : null;
  if (tomorrow !== null) return { at: tomorrow, wait: 'budget' };
  const service = serviceHold(state, step, nowMs);
  const alone = ownDueAt(state, step, nowMs);
  const own = Math.max(alone, service?.at ?? 0);
  const wait = own > alone ? service!.wait : step.wait;
  const soonest = Math.max(own, nowMs);
  const at = afterQuietHours(state, step, soonest);
  if (at === soonest) return { at: own, wait };
  return { at, wait: own > nowMs && wait ? wait : 'quiet_hours' };
}

/** Its own backoff, and the pause between two attempts of an agent. */
function ownDueAt(state: TaskState, step: Step, nowMs: number): number {
  const delay = state.spec.limits.session_delay_seconds * 1000;
  const longest = Math.max(delay, RETRY.command_max_ms);
  const own = step.retry_at ? Date.parse(step.retry_at) : 0;
  // A pause that is longer than any can be: the clock was set back meanwhile.
  const due = step.wait === null && own - nowMs > longest ? 0 : own;
  const closed = state.last_closed_at ? Date.parse(state.last_closed_at) : 0;
  if (!isAgentStep(state, step) || closed > nowMs) return due;
  return Math.max(due, closed + delay);
}

/** Nothing else can begin beside what is open. Of a git worktree more has to be known. */
const isFull = (state: TaskState, open: readonly Step[]): boolean =>
  state.spec.workspace.kind !== 'git' && open.length >= state.spec.limits.parallel;

/** The task's own limit, and one writer at a time in a git worktree. */
function hasRoom(state: TaskState, step: Step, open: readonly Step[]): boolean {
  if (open.length === 0) return true;
  // A new plan replaces the steps; none of them may be open then.
  if (step.kind === 'plan' || open.some(s => s.kind === 'plan')) return false;
  const { parallel } = state.spec.limits;
  if (state.spec.workspace.kind !== 'git') return open.length < parallel;
  if (isAgentStep(state, step) || !open.every(s => s.kind === 'subtask' && !isAgentStep(state, s)))
    return false;
  // The first one in has the worktree brought to its commit; the others come when that is done. Those that ended wait
  // for the last one out (attempt.ts): meanwhile others may come in, unless one failed. What was left is committed and
  // judged while nobody works.
  const phases = open.map(s => s.attempt!.phase);
  const working = phases.filter(
    phase => phase === 'prepared' || phase === 'running' || phase === 'stopping',
  ).length;
  const ended = open.filter(s => s.attempt!.phase === 'ended');
  if (ended.some(s => s.attempt!.outcome !== 'ok')) return false;
  return working > 0 && working + ended.length === open.length && working < parallel;
}

function begin(state: TaskState, step: Step, open: readonly Step[], seen: Observed): Next {
  const from = startCommit(state, step);
  if (isOutdated(state, step, from)) {
    // What is set up anew is not pulled away under those that work there.
    if (open.length > 0) return until(null);
    const reason = 'what it reads is another now';
    const reset: NewEvent = { type: 'step_reset', step: STEP.setup, reason };
    return record(reset, ...begun(state), created(stepOf(state, STEP.setup), from, null, seen));
  }
  const resume = sessionToResume(state, step, from, seen.now_ms);
  const work = step.kind !== 'baseline' && step.kind !== 'final' && !isClaimedCompleted(state, step);
  return record(...begun(state), { ...created(step, from, resume, seen), work });
}

function created(
  step: Step,
  from: string | null,
  resume: string | null,
  seen: Observed,
): Extract<NewEvent, { type: 'attempt_created' }> {
  const n = step.attempts + 1;
  const nonce = seen.nonce();
  const at = { step: step.id, n, nonce, from, work: true, resume };
  return { type: 'attempt_created', ...at, job: workJob(step.id, n, nonce) };
}

/**
 * The commit an attempt starts from: the last good one, or what its predecessor left so that work is not lost. After
 * two failures on one approach, and after a diff hit, it goes back to good: another approach is wanted. So it does when
 * another step made a commit good meanwhile, which what was left does not hold. What a limit, a login, a budget or a stop
 * cut short is no failure of the approach, and is gone on from however often; what was lost may be torn by a power cut, and
 * is not.
 */
export function startCommit(state: TaskState, step: Step): string | null {
  if (state.spec.workspace.kind !== 'git' || step.kind === 'plan') return null;
  const good = state.good.at(-1)?.commit ?? state.workspace?.base ?? null;
  if (step.kind === 'baseline' || step.kind === 'final' || step.kind === 'setup') return good;
  const last = step.history.at(-1);
  if (!last?.commit || last.good !== good || last.gate === 'diff' || last.gate === 'clean') return good;
  // What is there has been looked at, and found right.
  if (last.commit === state.approved || last.outcome === 'budget') return last.commit;
  if (!last.counted) return last.outcome === 'lost' ? good : last.commit;
  return step.counted % 2 === 0 ? good : last.commit;
}

function waitFor(state: TaskState, due: ({ s: Step } & Due)[]): Next {
  const { s: step, at, wait } = due.reduce((a, b) => (b.at < a.at ? b : a));
  if (wait === null) return until(at);
  const resume_at = new Date(at).toISOString();
  const { status } = state;
  if (status.name === 'waiting' && status.resume_at === resume_at && status.why === wait) return until(at);
  const quiet = `no session begins in quiet hours (${state.spec.limits.quiet_hours.join(', ')})`;
  const why = wait === 'quiet_hours' ? quiet : (step.reason ?? wait);
  return record({ type: 'task_waiting', why: wait, resume_at, message: `${step.id}: ${why}` });
}

/** Work that waits for its judge: no coder has to be asked again for what only the judge is missing. */
function heldBack(state: TaskState, { step, over, due }: Hold, nowMs: number): Next {
  if (over) return dry(state, step.id, over);
  return due ? waitFor(state, [{ s: step, ...due }]) : record(blockedBy(state, step, nowMs));
}

function blockedBy(state: TaskState, step: Step, nowMs: number): NewEvent {
  const { why, message } = step.block!;
  const retry_at = loginRetryAt(state, step, why, nowMs);
  return { type: 'task_blocked', why, message, subtask: step.id, retry_at };
}

/** No session may start: until the next day, or until a person says so. */
function dry(state: TaskState, step: string, over: BudgetUse): Next {
  const text = budgetText(over);
  if (over.until === null)
    return record({
      type: 'task_blocked',
      why: 'budget',
      message: `${step}: ${text}${again(state.id)}`,
      subtask: step,
    });
  const { status } = state;
  if (status.name === 'waiting' && status.why === 'budget' && status.resume_at === over.until)
    return until(Date.parse(over.until));
  return record({ type: 'task_waiting', why: 'budget', resume_at: over.until, message: `${step}: ${text}` });
}

/** One event when it begins to wait, and none until it goes on, however often it is tried meanwhile. */
function waitOut(state: TaskState, { why, message }: Trouble, nowMs: number): Next {
  const { status } = state;
  if (status.name === 'waiting' && status.why === why) return until(null);
  const resume_at = new Date(nowMs + DISK_PROBE_MS).toISOString();
  return record({ type: 'task_waiting', why, resume_at, message });
}

function waitForDisk(state: TaskState, message: string, nowMs: number): Next {
  const wait = waitOut(state, { why: 'disk', message: `nothing new is started: ${message}` }, nowMs);
  return wait.events.length > 0 ? wait : until(nowMs + DISK_PROBE_MS);
}

/** Nothing runs, nothing may start, nothing waits. */
function finish(state: TaskState, nowMs: number): Next {
  const final = state.steps.find(s => s.kind === 'final');
  const fix = state.steps.find(s => s.kind === 'fix');
  const subtasks = state.steps.filter(s => s.kind === 'subtask');
  const last = state.good.at(-1)?.commit ?? state.workspace?.base ?? null;
  if (final?.status === 'completed' && final.commit !== last) {
    return record({ type: 'step_reset', step: final.id, reason: 'the work went on after the final check' });
  }
  if (
    subtasks.length > 0 &&
    subtasks.every(isDone) &&
    (!final || final.status === 'completed') &&
    (!fix || isDone(fix))
  ) {
    return record(...begun(state), {
      type: 'task_completed',
      verified: isVerified(state),
      commit: state.good.at(-1)?.commit ?? null,
    });
  }
  const waiting = state.steps.find(s => s.block);
  if (waiting) return record(blockedBy(state, waiting, nowMs));
  const failed = state.steps.find(s => s.status === 'failed');
  if (!failed) {
    // Cannot be; but a task that moves no more must say so, and not wait for nobody.
    const message = 'nothing can be started and no reason is recorded; this is a bug in rasen';
    return record({ type: 'task_blocked', why: 'config', message, subtask: null });
  }
  const message = `${failed.id} failed: ${failed.reason ?? 'no reason given'}`;
  if (failed.kind === 'subtask' && !isAgentStep(state, failed)) {
    const left = dependentsFirst(
      state,
      state.steps.filter(s => s.status === 'pending' && (s.kind === 'subtask' || s.kind === 'final')),
    );
    const skips: NewEvent[] = left.map(s => ({
      type: 'step_skipped',
      step: s.id,
      reason: `${failed.id} failed`,
    }));
    return record(...begun(state), ...skips, { type: 'task_failed', reason: message, subtask: failed.id });
  }
  const why =
    failed.kind === 'baseline' || failed.kind === 'setup' || failed.kind === 'plan' ? 'config' : 'attempts';
  return record({ type: 'task_blocked', why, message, subtask: failed.id });
}

/** So that at no moment a skipped step makes room for one that needs it. */
function dependentsFirst(state: TaskState, steps: readonly Step[]): Step[] {
  const left = new Set(steps);
  const sorted: Step[] = [];
  while (left.size > 0) {
    const needed = new Set(
      [...left].flatMap(s => (s.kind === 'subtask' ? subtaskOf(state, s.id).needs : [])),
    );
    for (const s of [...left].filter(({ id }) => !needed.has(id))) {
      left.delete(s);
      sorted.push(s);
    }
  }
  return sorted;
}

const begun = (state: TaskState): NewEvent[] =>
  state.status.name === 'running' ? [] : [{ type: 'task_started' }];

/** Completed means verified only if a check of ours, and not the agent's word, says so for every subtask. */
export function isVerified(state: TaskState): boolean {
  const checked = (step: Step) =>
    gatesOf(state, step).some(g => g.kind === 'run' || g.kind === 'review' || g.kind === 'qa');
  const agents = state.steps.filter(
    s => s.kind === 'subtask' && s.status === 'completed' && isAgentStep(state, s),
  );
  const final = state.steps.find(s => s.kind === 'final');
  const whole = final ? finalGates(state).length > 0 : false;
  if (state.tolerated.length > 0 || turnedGreen(state).length > 0) return false;
  return agents.every(s => checked(s) || whole);
}

function earliest(a: number | null, b: number | null): number | null {
  if (a === null) return b;
  return b === null ? a : Math.min(a, b);
}
