/**
 * decide: what follows from the state of a trigger and the facts of the moment. Pure. Events are recorded first, then it
 * is asked again; effects are acted upon when there are no more events. A slot is taken (intent, with the id of its task),
 * submitted under a key of its own, and gets its receipt: wherever a crash falls in between, the same submit is made again
 * and is the same task.
 *
 *   due ──► slots_passed                       (joined, skipped, missed)
 *       ──► slot_queued ──► slot_taken ──► slot_started | slot_refused
 *       ──► slot_taken ───────────────────► …
 */
import { jumpBetween } from '../engine/clock.ts';
import { isTimed, jitterMs, slotAfter, slotName } from './calendar.ts';
import type { Moment, NewTriggerEvent, Passed, RunEnd } from './event.ts';
import { expectingSince, liveRuns, type TriggerState, type Waiting } from './state.ts';

/** Slots that are looked at in one pass; the next pass goes on with the rest. */
const CHUNK = 300;
/** A slot that is no later than this is on time. */
export const ON_TIME_MS = 60_000;
/** Slots that wait in the queue of a trigger; those behind them join the last one. */
export const QUEUE_MAX = 100;
/** Runs of one trigger that go on at once. */
export const PARALLEL_MAX = 100;
/** Changed paths that tell whether runs start each other. */
export const CHANGED_MAX = 20;
/** Runs in a row that may be started by what the run before has changed. */
export const LOOP_MAX = 3;
/** Time that comes again after the clock was set back, and is waited for; longer, and slots of it are new ones. */
const SET_BACK_MS = 48 * 3_600_000;
/** A notice that could not be sent is tried again after this, so often. */
const TELL_AGAIN_MS = 10 * 60_000;
const TELL_TRIES = 3;

/** Until when no run may begin, and why. */
export interface Hold {
  until_ms: number;
  reason: string;
}

export interface Facts {
  clock: Moment;
  /** What became of a run: null while it goes on. */
  run(task: string): RunEnd | null;
  /** null: a run may begin. Asked only where something is due. */
  hold(): Hold | null;
  /** Of a task that is about to be made. */
  newTask(): string;
  /** Nothing is started any more. */
  draining: boolean;
}

export type TriggerEffect =
  | { type: 'submit'; slot: string; task: string; payload: string | null; due: number }
  | { type: 'cancel'; task: string }
  | { type: 'release'; task: string }
  | { type: 'notify'; key: string; text: string };

export interface Next {
  events: NewTriggerEvent[];
  effects: TriggerEffect[];
  wake_ms: number | null;
}

const record = (...events: NewTriggerEvent[]): Next => ({ events, effects: [], wake_ms: null });

export function decide(state: TriggerState, facts: Facts): Next {
  const jump = jumpSince(state, facts.clock);
  if (jump) return record(jump);
  const ended = endOfRuns(state, facts);
  if (ended.length > 0) return record(...ended);
  if (state.status === 'active') {
    const halt = whyHalt(state);
    if (halt) return record(halt);
    const next = facts.draining ? null : (queueTurn(state, facts) ?? timeTurn(state, facts));
    if (next) return record(...[next].flat());
    const over = whyFinished(state, facts);
    if (over) return record(over);
  } else {
    const dropped = dropQueue(state);
    if (dropped) return record(dropped);
  }
  return { events: [], effects: effectsOf(state, facts), wake_ms: wakeOf(state, facts) };
}

const nowMs = ({ clock }: Facts): number => Date.parse(clock.t);

/** How the clock was set since the last event, where something waits that was to wait for a while. */
export function jumpSince(
  state: TriggerState,
  { t, mono, slept, boot }: Moment,
): (NewTriggerEvent & { type: 'clock_jumped' }) | null {
  const { when } = state.definition;
  const waits =
    state.queue.length > 0 ||
    (when.kind === 'at' && when.in_seconds !== undefined && Date.parse(when.at) > state.cursor);
  if (!waits || !state.clock || mono === undefined || boot === undefined) return null;
  const jump = jumpBetween(state.clock, { t, mono, boot, ...(slept === undefined ? {} : { slept }) });
  return jump && { type: 'clock_jumped', ...jump };
}

function endOfRuns(state: TriggerState, facts: Facts): NewTriggerEvent[] {
  return liveRuns(state).flatMap(({ slot, task }) => {
    const end = facts.run(task);
    return end === null ? [] : [{ type: 'run_ended' as const, slot, task, end }];
  });
}

/** Why it pauses by itself. */
function whyHalt({ definition, failures, loop }: TriggerState): NewTriggerEvent | null {
  const { pause_after } = definition.policy;
  if (pause_after !== null && failures >= pause_after)
    return { type: 'trigger_paused', by: 'failures', reason: `${failures} failures in a row` };
  if (loop.runs < LOOP_MAX) return null;
  const some = `${loop.paths.slice(0, 3).join(', ')}${loop.paths.length > 3 ? ', …' : ''}`;
  const reason = `${loop.runs} runs in a row were started by changes that were made during the run before: ${some}`;
  return { type: 'trigger_paused', by: 'loop', reason };
}

const startedRuns = ({ counts, taken }: TriggerState) => counts.started + counts.late + taken.length;

/** Nothing will be due any more, and nothing waits. */
function whyFinished(state: TriggerState, facts: Facts): NewTriggerEvent | null {
  const { when, policy } = state.definition;
  if (state.queue.length > 0 || state.taken.length > 0) return null;
  if (policy.max_runs !== null && startedRuns(state) >= policy.max_runs)
    return { type: 'trigger_finished', reason: `${policy.max_runs} of ${policy.max_runs} runs were started` };
  if (policy.until !== null && nowMs(facts) > Date.parse(policy.until) && nextDue(state) === null)
    return { type: 'trigger_finished', reason: `its end was ${policy.until}` };
  if (isTimed(when) && nextDue(state) === null)
    return { type: 'trigger_finished', reason: when.kind === 'at' ? 'it was due once' : 'no slot is left' };
  return null;
}

const mayStartMore = (state: TriggerState): boolean => {
  const { max_runs } = state.definition.policy;
  return max_runs === null || startedRuns(state) < max_runs;
};

/** What has begun and is not over, and so is in the way. */
const busy = (state: TriggerState): number => liveRuns(state).length + state.taken.length;

/** Whether a run may begin now as far as others of the trigger are concerned. */
function hasTurn(state: TriggerState): boolean {
  return busy(state) < (state.definition.policy.overlap === 'parallel' ? PARALLEL_MAX : 1);
}

const isTooLate = (state: TriggerState, due: number, now: number): boolean =>
  now - due > state.definition.policy.max_late_seconds * 1000;

const tooLate = ({ definition }: TriggerState): string =>
  `it was more than ${definition.policy.max_late_seconds} s late`;

/** The first slot that waits. */
function queueTurn(state: TriggerState, facts: Facts): NewTriggerEvent | null {
  const first = state.queue[0];
  if (!first) return null;
  if (!mayStartMore(state)) return passedAlone(first, 'skipped', 'the last run was started');
  if (isTooLate(state, first.due, nowMs(facts))) return passedAlone(first, 'skipped', tooLate(state));
  if (!hasTurn(state) || facts.hold()) return null;
  return { type: 'slot_taken', ...first, task: facts.newTask(), cursor: null };
}

/** A trigger that rests starts nothing that still waits. */
function dropQueue(state: TriggerState): NewTriggerEvent | null {
  const first = state.queue[0];
  return first ? passedAlone(first, 'skipped', `the trigger is ${state.status}`) : null;
}

function passedAlone(
  { slot }: Waiting,
  outcome: Passed,
  reason: string,
  { into = null, cursor = null }: { into?: string | null; cursor?: number | null } = {},
): NewTriggerEvent {
  return { type: 'slots_passed', first: slot, last: slot, count: 1, outcome, reason, into, cursor };
}

/** When the next time slot is due, with its jitter; null: none is. */
export function nextDue(state: TriggerState): { slot_ms: number; due_ms: number } | null {
  const { when, policy } = state.definition;
  if (!isTimed(when)) return null;
  const slot_ms = slotAfter(when, policy.tz, state.cursor);
  if (slot_ms === null || (policy.until !== null && slot_ms > Date.parse(policy.until))) return null;
  return { slot_ms, due_ms: slot_ms + jitterMs(state.id, slot_ms, policy.jitter_seconds) };
}

/** The time slots that are due. */
function timeTurn(state: TriggerState, facts: Facts): NewTriggerEvent | NewTriggerEvent[] | null {
  const { when, policy } = state.definition;
  const now = nowMs(facts);
  if (!isTimed(when)) return null;
  const back = setBack(state, now);
  if (back) return back;
  const due = dueSlots(state, now);
  const last = due.at(-1);
  if (last === undefined) return null;
  if (!mayStartMore(state))
    return passed(state, rowOf(state, due, now), 'skipped', 'the last run was started');
  const paused = due.filter(ms => ms <= state.skipped_until);
  if (paused.length > 0)
    return passed(state, rowOf(state, paused, state.skipped_until), 'skipped', 'the trigger was paused');
  const old = due.filter(ms => isTooLate(state, ms, now));
  if (old.length > 0)
    return passed(
      state,
      rowOf(state, old, now - policy.max_late_seconds * 1000 - 1),
      'missed',
      tooLate(state),
    );
  const hold = facts.hold();
  if (hold && policy.catch_up === 'none') return passed(state, rowOf(state, due), 'skipped', hold.reason);
  // What waits for the end of that is caught up with then.
  if (hold) return null;
  if (policy.catch_up === 'all') return oneOf(state, due[0]!, facts);
  const earlier = due.slice(0, -1);
  const more = due.length === CHUNK;
  if (policy.catch_up === 'none') {
    if (now - last > ON_TIME_MS || more) return passed(state, rowOf(state, due), 'missed', away(now - last));
    if (earlier.length > 0)
      return passed(state, rowOf(state, earlier), 'missed', away(now - earlier.at(-1)!));
  }
  if (more) return passed(state, rowOf(state, due), 'joined', 'a later one was due as well');
  if (policy.overlap === 'skip' && !hasTurn(state))
    return passed(state, rowOf(state, due), 'skipped', goesOn(state));
  if (earlier.length > 0)
    return passed(
      state,
      rowOf(state, earlier),
      'joined',
      'a later one was due as well',
      slotName(last, state.turn),
    );
  return oneOf(state, last, facts);
}

const away = (ms: number) => `nothing was started at that time; noticed ${Math.round(ms / 1000)} s later`;

function goesOn(state: TriggerState): string {
  const run = liveRuns(state)[0] ?? state.taken[0];
  return run ? `the run of ${run.slot} goes on (task ${run.task})` : 'a run goes on';
}

/** One slot, and what the policy says of runs that go on. */
function oneOf(
  state: TriggerState,
  slot_ms: number,
  facts: Facts,
): NewTriggerEvent | NewTriggerEvent[] | null {
  const { overlap, catch_up } = state.definition.policy;
  const waiting: Waiting = {
    slot: slotName(slot_ms, state.turn),
    due: slot_ms,
    payload: null,
    changed: null,
  };
  if (hasTurn(state) && state.queue.length === 0)
    return { type: 'slot_taken', ...waiting, task: facts.newTask(), cursor: slot_ms };
  if (overlap === 'parallel') return null;
  if (overlap === 'skip') {
    // Passed over before that run began: its turn comes when that is over.
    const since = Math.min(...liveRuns(state).map(run => run.started), nowMs(facts));
    if (catch_up === 'all' && slot_ms < since) return null;
    return passed(state, rowOf(state, [slot_ms]), 'skipped', goesOn(state));
  }
  return queued(state, waiting, slot_ms);
}

/** The slot waits for its turn, or what gives way where the queue has no room; recorded as one. */
function queued(state: TriggerState, slot: Waiting, cursor: number | null): NewTriggerEvent[] {
  const { policy, when } = state.definition;
  const last = state.queue.at(-1);
  const room = when.kind === 'watch' ? 1 : QUEUE_MAX;
  // The newest is the one that counts.
  const replaced = policy.overlap === 'replace' ? state.queue : [];
  if (last && replaced.length === 0 && state.queue.length >= room) {
    const reason = when.kind === 'watch' ? 'a run for earlier changes waits' : 'the queue is full';
    return [passedAlone(slot, 'joined', reason, { into: last.slot, cursor })];
  }
  const into = { into: slot.slot };
  return [
    ...replaced.map(one => passedAlone(one, 'joined', 'a later one was due as well', into)),
    { type: 'slot_queued', ...slot, changed: changedBy([...replaced, slot]), cursor },
  ];
}

/** Of slots that become one: the files that were changed while a run went on. */
function changedBy(slots: readonly Waiting[]): string[] | null {
  const known = slots.flatMap(({ changed }) => changed ?? []);
  return slots.every(({ changed }) => changed === null) ? null : [...new Set(known)].slice(0, CHANGED_MAX);
}

/** A slot that does not come by the clock: a settled change, a delivery, a person. All that follows, the slot included. */
export function delivered(state: TriggerState, slot: Waiting): NewTriggerEvent[] {
  const { overlap } = state.definition.policy;
  if (state.status === 'finished') return [passedAlone(slot, 'skipped', 'the trigger is finished')];
  if (!mayStartMore(state)) return [passedAlone(slot, 'skipped', 'the last run was started')];
  if (overlap === 'skip' && (!hasTurn(state) || state.queue.length > 0))
    return [passedAlone(slot, 'skipped', goesOn(state))];
  return queued(state, slot, null);
}

/** Oldest first, at most CHUNK. Only in the order of their times, whatever their jitter. */
function dueSlots(state: TriggerState, now: number): number[] {
  const due: number[] = [];
  let at: TriggerState = state;
  while (due.length < CHUNK) {
    const next = nextDue(at);
    if (!next || next.due_ms > now) break;
    due.push(next.slot_ms);
    at = { ...at, cursor: next.slot_ms };
  }
  return due;
}

interface Row {
  first: number;
  last: number;
  count: number;
}

/**
 * The slots as a row. Where they are as many as are looked at in one pass, those of an interval up to `limit` belong to it
 * too, in one step: a clock that was put right passes over years of them.
 */
function rowOf({ definition }: TriggerState, slots: readonly number[], limit = 0): Row {
  const [first, last] = [slots[0]!, slots.at(-1)!];
  const { when, policy } = definition;
  if (when.kind !== 'every' || slots.length < CHUNK) return { first, last, count: slots.length };
  const every = Math.round(when.every_seconds * 1000);
  const end = policy.until === null ? limit : Math.min(limit, Date.parse(policy.until));
  const more = Math.max(0, Math.floor((end - last) / every));
  return { first, last: last + more * every, count: slots.length + more };
}

function passed(
  state: TriggerState,
  { first, last, count }: Row,
  outcome: Passed,
  reason: string,
  into: string | null = null,
): NewTriggerEvent {
  const names = { first: slotName(first, state.turn), last: slotName(last, state.turn) };
  return { type: 'slots_passed', ...names, count, outcome, reason, into, cursor: last };
}

/** The clock is far behind the last slot: that was of a time that was none. An interval goes on at once. */
function setBack(state: TriggerState, now: number): NewTriggerEvent | null {
  const { when } = state.definition;
  const ahead = state.cursor - now;
  const most = when.kind === 'every' ? when.every_seconds * 1000 : SET_BACK_MS;
  return when.kind !== 'at' && ahead > most ? { type: 'clock_set_back', cursor: now } : null;
}

function effectsOf(state: TriggerState, facts: Facts): TriggerEffect[] {
  const { policy } = state.definition;
  const submits = facts.draining
    ? []
    : state.taken.map(
        ({ slot, task, payload, due }): TriggerEffect => ({ type: 'submit', slot, task, payload, due }),
      );
  const replaced =
    policy.overlap === 'replace' && state.queue.length > 0 && !facts.hold() ? liveRuns(state) : [];
  const finished = state.runs.filter(run => run.end !== null);
  const released = finished.slice(0, Math.max(0, finished.length - policy.keep));
  return [
    ...submits,
    ...replaced.map(({ task }): TriggerEffect => ({ type: 'cancel', task })),
    ...released.map(({ task }): TriggerEffect => ({ type: 'release', task })),
    ...(facts.draining ? [] : notices(state, nowMs(facts)).filter(({ at }) => at <= nowMs(facts))).map(
      ({ key, text }): TriggerEffect => ({ type: 'notify', key, text }),
    ),
  ];
}

/** What a person has to know, and when it is told: at once, or when a try is due again. */
function notices(state: TriggerState, now: number): { key: string; text: string; at: number }[] {
  const owed: { key: string; text: string }[] = [];
  if (state.status === 'paused' && state.paused_by !== 'user')
    owed.push({ key: `paused:${state.paused_at}`, text: `paused: ${state.reason}` });
  const alarm = alarmAt(state);
  if (alarm !== null && alarm <= now)
    owed.push({
      key: `expected:${state.expecting_since}`,
      text: `no success since ${state.expecting_since}, and one was expected within ${state.definition.policy.expect_within_seconds} s`,
    });
  return owed.flatMap(({ key, text }) => {
    const tries = state.told.filter(told => told.key === key);
    if (tries.some(({ ok }) => ok) || tries.length >= TELL_TRIES) return [];
    const last = tries.at(-1);
    return [{ key, text, at: last ? Date.parse(last.t) + TELL_AGAIN_MS : now }];
  });
}

/** When no success is an alarm; null: never. */
function alarmAt(state: TriggerState): number | null {
  const { definition, status, paused_by } = state;
  const { expect_within_seconds } = definition.policy;
  const rests = status === 'finished' || (status === 'paused' && paused_by === 'user');
  if (expect_within_seconds === null || rests) return null;
  return expectingSince(state) + expect_within_seconds * 1000;
}

/** When to look again if nothing else happens. */
function wakeOf(state: TriggerState, facts: Facts): number | null {
  const { draining } = facts;
  const now_ms = nowMs(facts);
  const active = state.status === 'active' && !draining;
  const due = active ? nextDue(state) : null;
  const { until } = state.definition.policy;
  const hold = active && (state.queue.length > 0 || (due && due.due_ms <= now_ms)) ? facts.hold() : null;
  const times = [
    // What is due and not taken waits for a run or for the end of a hold, and is looked at then.
    due !== null && due.due_ms > now_ms ? due.due_ms : null,
    hold ? Math.max(hold.until_ms, now_ms + 1000) : null,
    active && until !== null && Date.parse(until) >= now_ms ? Date.parse(until) + 1 : null,
    active && state.queue[0]
      ? state.queue[0].due + state.definition.policy.max_late_seconds * 1000 + 1
      : null,
    soon(alarmAt(state), now_ms),
    ...notices(state, now_ms).map(({ at }) => soon(at, now_ms)),
  ].filter(at => at !== null);
  return times.length > 0 ? Math.min(...times) : null;
}

const soon = (at: number | null, now: number): number | null => (at !== null && at > now ? at : null);
