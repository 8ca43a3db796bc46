/**
 * decide: the next action of a task from its state and what is seen of the world. Pure. Gives either events to record
 * (then it is asked again), or effects to start. Asking twice is harmless; effects carry a key, and one that is under
 * way is not started again.
 */

import type { BudgetUse } from '../contract/budget.ts';
import type { NewEvent } from '../contract/event.ts';
import { isAtRest, isTerminal, isTrouble, type WaitReason } from '../contract/status.ts';
import { closesOf, DISK_PROBE_MS, type Hold, heldJudge, type Next, nextOfAttempt } from './attempt.ts';
import { holdsUnfinishedWork, serviceHold } from './backend.ts';
import { budgetText, nearlyUsed, usedUp, waitsForDay } from './budget.ts';
import type { Effect, Observed, Trouble } from './effect.ts';
import { atTheEnd, nextAtTheEnd } from './finally.ts';
import { begun, blockedBy, finish } from './finish.ts';
import { isAgentStep, isClaimedCompleted, subtaskIn } from './gates-of.ts';
import { nextLogin } from './login.ts';
import { Needs, nameOf, projectServices } from './needs.ts';
import { nextNotices } from './notices.ts';
import { neverComing, orderOf } from './order.ts';
import { afterQuietHours } from './quiet-hours.ts';
import { agentFor } from './relay.ts';
import { sessionToResume } from './resume.ts';
import { again, exhaustionOf, RETRY } from './retry.ts';
import { isService } from './service.ts';
import { isAwaited, nextOfService, stopServices } from './service-decide.ts';
import { isOutdated } from './setup.ts';
import { STEP, type Step, stepOf, type TaskState, workJob } from './state.ts';
import { runtimeLeftMs, wantedStop } from './stop-reason.ts';
import { waitForTurn } from './turn.ts';

const record = (...events: NewEvent[]): Next => ({ events, effects: [], wake_ms: null });
const until = (wake_ms: number | null): Next => ({ events: [], effects: [], wake_ms });

export function decide(state: TaskState, seen: Observed): Next {
  const next = inOrder(state, seen, nextOfTask(state, seen));
  if (next.events.length > 0) return next;
  const notices = nextNotices(state, seen);
  return {
    events: [],
    effects: [...next.effects, ...notices.effects],
    wake_ms: earliest(next.wake_ms, notices.wake_ms),
  };
}

/** Words that a task is at rest; those of `OVER` for good. */
const REST: ReadonlySet<NewEvent['type']> = new Set([
  ...['task_blocked', 'task_interrupted', 'task_completed', 'task_failed', 'task_cancelled'],
] as const);
const OVER: ReadonlySet<NewEvent['type']> = new Set(['task_completed', 'task_failed', 'task_cancelled']);

/** Before a task comes to rest its services are stopped; and before it is over, what runs at the end has run. */
function inOrder(state: TaskState, seen: Observed, next: Next): Next {
  const rest = next.events.find(({ type }) => REST.has(type));
  if (!rest) return next;
  const stopped = stopServices(state, seen, state.want === 'run' ? 'done' : wantedStop(state));
  if (stopped) return stopped;
  if (!OVER.has(rest.type)) return next;
  const begin = (step: Step): NewEvent[] => [
    ...(state.want === 'run' ? begun(state) : []),
    created(step, null, null, seen),
  ];
  const last = nextAtTheEnd(state, seen, begin);
  if (last === null) return next;
  // What was open between its gates is not gone on with.
  const closes = next.events.filter(({ type }) => type === 'attempt_closed');
  return closes.length > 0 ? record(...closes) : last;
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
  if (
    state.want === 'run' &&
    seen.turn &&
    !isAtRest(state.status) &&
    !state.steps.some(s => isLive(s) && !isService(s))
  )
    return seen.draining ? until(null) : waitForTurn(state, seen.turn, seen.now_ms);
  if (state.want === 'run' && isHeld(state, seen) && state.steps.some(s => s.attempt && goesOn(state, s)))
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
    if (isService(step)) {
      const next = nextOfService(state, step, step.attempt, seen);
      if (next.events.length > 0) return next;
      effects.push(...next.effects);
      stuck ??= troubleOf(next.effects, seen);
      continue;
    }
    const next = nextOfAttempt(atTheEnd(state, step), step, step.attempt, seen);
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
  // Where it came to rest by the end of an effect, and for the next supervisor.
  const left = isAtRest(state.status) || (seen.suspending && !busy && !ending);
  const stopped = left ? stopServices(state, seen, seen.suspending ? 'suspend' : 'done') : null;
  if (stopped) return { ...stopped, effects: [...effects.filter(e => e.type === 'end'), ...stopped.effects] };
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
  if (seen.disk_low !== null && !busy && state.steps.some(s => s.attempt && !isService(s)))
    return waitForDisk(state, seen.disk_low, seen.now_ms);
  if (!busy && effects.every(({ type }) => type === 'probe')) {
    const held = heldJudge(state, seen);
    if (held) return heldBack(state, held, seen.now_ms);
    const lost = lostService(state);
    if (lost) return record(lost);
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

/** Work that waits for its gates, which need a service that is not kept up any more. */
function lostService(state: TaskState): NewEvent | null {
  if (!state.steps.some(s => s.attempt && !isService(s))) return null;
  const lost = projectServices(state).find(s => s.block || s.status === 'failed');
  if (!lost) return null;
  const message = lost.block?.message ?? `${nameOf(lost)} failed: ${lost.reason ?? 'no reason given'}`;
  return { type: 'task_blocked', why: 'config', message, subtask: lost.id };
}

/** A service goes on while the task waits, unless it was the machine that held it up. */
const goesOn = ({ status }: TaskState, step: Step): boolean =>
  !isService(step) || (status.name === 'waiting' && isTrouble(status.why));

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
  const open = state.steps.filter(s => s.attempt && !isService(s));
  // Whatever may start, it has to wait for one that ends; a task may have thousands that wait so.
  if (isFull(state, open) && !hasOthers(state)) return until(null);
  const planner = state.steps.find(s => s.kind === 'plan');
  if (!state.plan && planner?.status === 'completed')
    return record({ type: 'step_reset', step: planner.id, reason: 'there is no plan' });

  const needs = new Needs(state);
  const never = neverComing(state, needs);
  if (never) return record(never);
  const mayStart = orderOf(state, needs);
  const all = state.steps.filter(s => s.status === 'pending' && mayStart(s));
  const pending = all.filter(s => !isService(s));
  // The commits of interrupted work would be left behind by another step that makes one good meanwhile.
  const unfinished = pending.find(s => holdsUnfinishedWork(state, s) && isCurrent(state, s));
  const able = (unfinished ? [unfinished] : pending).filter(
    s => !s.block && serviceHold(state, s, seen.now_ms)?.at !== Number.POSITIVE_INFINITY,
  );
  if (seen.draining) return until(null);
  const kept = all.filter(s => isService(s) && !s.block && !open.some(other => other.kind === 'plan'));
  const due = kept.map(s => ({ s, at: s.retry_at ? Date.parse(s.retry_at) : 0 }));
  const now = due.find(({ at }) => at <= seen.now_ms);
  if (now && seen.disk_low === null) return record(...begun(state), created(now.s, null, null, seen));
  // As for all that is new.
  if (now)
    return open.length > 0
      ? until(seen.now_ms + DISK_PROBE_MS)
      : waitForDisk(state, seen.disk_low!, seen.now_ms);
  const later = due.reduce<number | null>((first, { at }) => earliest(first, at), null);
  const next = startWork(state, seen, { able, open, busy, needs, comes: later !== null });
  return next.events.length > 0 ? next : { ...next, wake_ms: earliest(next.wake_ms, later) };
}

interface Work {
  able: readonly Step[];
  open: readonly Step[];
  busy: boolean;
  needs: Needs;
  /** A service is about to be started again. */
  comes: boolean;
}

function startWork(state: TaskState, seen: Observed, { able, open, busy, needs, comes }: Work): Next {
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
  if (ready.length === 0) {
    if (open.length > 0 || poor.length > 0 || comes || isAwaited(state, needs)) return until(null);
    return finish(state, seen.now_ms);
  }
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

/** What may begin beside what is open, whatever the limit: services, and what others only have to have begun for. */
const hasOthers = ({ steps, plan }: TaskState): boolean =>
  steps.some(isService) || (plan?.subtasks.some(s => s.need_states !== undefined) ?? false);

/** The task's own limit, and one writer at a time in a git worktree. */
function hasRoom(state: TaskState, step: Step, open: readonly Step[]): boolean {
  if (open.length === 0) return true;
  // A new plan replaces the steps; none of them may be open then.
  if (step.kind === 'plan' || open.some(s => s.kind === 'plan')) return false;
  // What goes on beside others was meant to: they have a place of their own.
  const parallel = state.spec.limits.parallel + open.filter(s => isBeside(state, step, s)).length;
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

/** Whether the step only wants the other one to have begun. */
const isBeside = (state: TaskState, step: Step, other: Step): boolean =>
  subtaskIn(state, step)?.need_states?.[other.id] === 'started';

function begin(state: TaskState, step: Step, open: readonly Step[], seen: Observed): Next {
  const from = startCommit(state, step);
  if (isOutdated(state, step, from)) {
    // What is set up anew is not pulled away under those that work there.
    if (open.length > 0) return until(null);
    const reason = 'what it reads is another now';
    const reset: NewEvent = { type: 'step_reset', step: STEP.setup, reason };
    return record(reset, ...begun(state), created(stepOf(state, STEP.setup), from, null, seen));
  }
  const agent = agentFor(state, step, seen.now_ms);
  const resume = sessionToResume(state, step, from, seen.now_ms, agent);
  const work = step.kind !== 'baseline' && step.kind !== 'final' && !isClaimedCompleted(state, step);
  const by = agent === 0 ? {} : { agent };
  return record(...begun(state), { ...created(step, from, resume, seen), work, ...(work ? by : {}) });
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

function earliest(a: number | null, b: number | null): number | null {
  if (a === null) return b;
  return b === null ? a : Math.min(a, b);
}
