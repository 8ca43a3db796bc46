/** Folds events of a trigger into its state. Pure; the only place that changes one. */
import type { ClockMark } from '../engine/clock.ts';
import { isTimed, isTimeSlot } from './calendar.ts';
import type { TriggerEvent, TriggerEventOf } from './event.ts';
import type { Receipt, TriggerState, Waiting } from './state.ts';

/** Receipts that are kept: what a person looks back at, and deliveries that come twice. */
export const RECEIPTS_MAX = 1000;
/** Lines of the ledger of notices. */
const TOLD_MAX = 50;

export function fold(state: TriggerState | null, event: TriggerEvent): TriggerState {
  const next = step(state, event);
  const clock = markOf(event) ?? next.clock;
  return { ...next, seq: event.seq, updated_at: event.t, ...(clock && { clock }) };
}

function markOf({ t, boot, mono, slept }: TriggerEvent): ClockMark | undefined {
  if (boot === undefined || mono === undefined) return undefined;
  return { t, boot, offset_ms: Date.parse(t) - mono, slept_ms: slept ?? 0 };
}

export function foldAll(events: readonly TriggerEvent[]): TriggerState {
  return events.reduce<TriggerState | null>(fold, null)!;
}

function step(state: TriggerState | null, event: TriggerEvent): TriggerState {
  if (event.type === 'trigger_created') return created(event);
  if (event.type === 'trigger_summed') return event.state;
  if (state === null) throw new Error(`a trigger begins with ${event.type}`);
  switch (event.type) {
    case 'trigger_edited':
      return edited(state, event);
    case 'trigger_paused':
      return { ...state, status: 'paused', reason: event.reason, paused_by: event.by, paused_at: event.t };
    case 'trigger_resumed':
      return {
        ...state,
        ...{ status: 'active', reason: null, paused_by: null, failures: 0 },
        ...{ loop: { runs: 0, paths: [] }, expecting_since: event.t, skipped_until: Date.parse(event.t) },
      };
    case 'trigger_finished':
      return { ...state, status: 'finished', reason: event.reason, paused_by: null };
    case 'slots_passed': {
      const { first, last, count, outcome, reason, into } = event;
      const receipt = { slot: first, last, count, outcome, t: event.t, reason, into, task: null, late_ms: 0 };
      return withReceipt({ ...moved(state, event.cursor), queue: without(state.queue, first) }, receipt);
    }
    case 'slot_queued': {
      const { slot, due, payload, changed } = event;
      return { ...moved(state, event.cursor), queue: [...state.queue, { slot, due, payload, changed }] };
    }
    case 'slot_taken': {
      const { slot, due, task, payload, changed } = event;
      return {
        ...moved(state, event.cursor),
        queue: without(state.queue, slot),
        taken: [...state.taken, { slot, due, task, payload, changed, at: Date.parse(event.t) }],
        loop: loopWith(state.loop, changed),
      };
    }
    case 'slot_started':
      return started(state, event);
    case 'slot_refused': {
      const taken = state.taken.find(({ slot }) => slot === event.slot)!;
      const { slot } = event;
      const receipt: Receipt = {
        ...{ slot, last: slot, count: 1, outcome: 'refused', t: event.t },
        ...{ task: null, reason: event.reason, into: null, late_ms: 0 },
      };
      const rest = { ...state, taken: without(state.taken, taken.slot), failures: state.failures + 1 };
      return withReceipt({ ...rest, last_end: 'failed' }, receipt);
    }
    case 'run_ended':
      return ended(state, event);
    case 'run_released':
      return { ...state, runs: state.runs.filter(({ task }) => task !== event.task) };
    case 'clock_set_back':
      return setBack(state, event.cursor);
    case 'clock_jumped':
      return jumped(state, event.ms - event.slept_ms);
    case 'notified': {
      const { key, t, ok, detail } = event;
      return { ...state, told: [...state.told, { key, t, ok, detail }].slice(-TOLD_MAX) };
    }
  }
}

function created({ id, definition, t, seq }: TriggerEventOf<'trigger_created'>): TriggerState {
  return {
    ...{ id, definition, seq, created_at: t, updated_at: t },
    ...{ status: 'active', reason: null, paused_by: null, paused_at: null },
    ...{ cursor: firstCursor(definition.when, Date.parse(t)), skipped_until: 0, turn: 0 },
    ...{ taken: [], queue: [], runs: [], receipts: [] },
    counts: { started: 0, late: 0, joined: 0, skipped: 0, missed: 0, refused: 0 },
    ...{ failures: 0, last_end: null, last_success_at: null, expecting_since: t },
    ...{ loop: { runs: 0, paths: [] }, told: [] },
  };
}

/** A first slot that is written down counts, also where it was a moment ago. */
function firstCursor(when: TriggerState['definition']['when'], ms: number): number {
  if (when.kind === 'every') return Math.min(ms, Date.parse(when.from) - 1);
  return when.kind === 'at' ? Math.min(ms, Date.parse(when.at) - 1) : ms;
}

function edited(state: TriggerState, { definition, t }: TriggerEventOf<'trigger_edited'>): TriggerState {
  const { when } = state.definition;
  const same = JSON.stringify(when) === JSON.stringify(definition.when);
  const now = Date.parse(t);
  const finished = state.status === 'finished';
  return {
    ...state,
    definition,
    // Times that the old calendar had and nobody took are none of the new one; nor are those of a clock that was ahead.
    cursor: same ? state.cursor : Math.max(Math.min(state.cursor, now), firstCursor(definition.when, now)),
    status: finished ? 'active' : state.status,
    reason: finished ? null : state.reason,
    expecting_since: t,
  };
}

function started(state: TriggerState, event: TriggerEventOf<'slot_started'>): TriggerState {
  const { slot, task, payload, at } = state.taken.find(one => one.slot === event.slot)!;
  const receipt: Receipt = {
    ...{ slot, last: slot, count: 1, outcome: event.late_ms > 0 ? 'late' : 'started', t: event.t, task },
    ...{ reason: event.reason ?? null, into: null, late_ms: event.late_ms },
  };
  const run = { slot, task, payload, started: at, end: null, ended_at: null };
  const next = { ...state, taken: without(state.taken, slot), runs: [...state.runs, run] };
  return withReceipt(next, receipt);
}

function ended(state: TriggerState, { task, end, t }: TriggerEventOf<'run_ended'>): TriggerState {
  const runs = state.runs.map(run => (run.task === task ? { ...run, end, ended_at: t } : run));
  const next = { ...state, runs };
  if (end === 'completed')
    return { ...next, failures: 0, last_end: 'completed', last_success_at: t, expecting_since: t };
  if (end === 'failed') return { ...next, failures: state.failures + 1, last_end: 'failed' };
  return next;
}

/** Pauses and beginnings of a time that was none count no more. */
function setBack(state: TriggerState, cursor: number): TriggerState {
  const { definition, turn, skipped_until } = state;
  const next = { ...state, cursor, turn: turn + 1, skipped_until: Math.min(skipped_until, cursor) };
  const { when } = definition;
  // An interval begins on a whole second after it is made; one that has not begun yet begins when it was meant to.
  if (when.kind !== 'every' || Date.parse(when.from) > state.cursor + 1000) return next;
  const every = Math.round(when.every_seconds * 1000);
  const ahead = Math.max(0, Math.ceil((Date.parse(when.from) - cursor) / every));
  const from = new Date(Date.parse(when.from) - ahead * every).toISOString();
  return { ...next, definition: { ...definition, when: { ...when, from } } };
}

/** What waits for a while waits as long as it was meant to; a time of day stays that time of day. */
function jumped(state: TriggerState, set_ms: number): TriggerState {
  const { definition, cursor } = state;
  const { when } = definition;
  const next = { ...state, queue: state.queue.map(one => ({ ...one, due: one.due + set_ms })) };
  if (when.kind !== 'at' || when.in_seconds === undefined || Date.parse(when.at) <= cursor) return next;
  const at_ms = Date.parse(when.at) + set_ms;
  return {
    ...next,
    definition: { ...definition, when: { ...when, at: new Date(at_ms).toISOString() } },
    cursor: Math.min(cursor, at_ms - 1),
  };
}

const moved = (state: TriggerState, cursor: number | null): TriggerState =>
  cursor === null || !isTimed(state.definition.when)
    ? state
    : { ...state, cursor: Math.max(state.cursor, cursor) };

const without = <T extends Pick<Waiting, 'slot'>>(all: readonly T[], slot: string): T[] =>
  all.filter(one => one.slot !== slot);

/** Slots of the clock to which the same happens in a row become one row; others are asked for by name, and stay alone. */
function withReceipt(state: TriggerState, receipt: Receipt): TriggerState {
  const counts = { ...state.counts, [receipt.outcome]: state.counts[receipt.outcome] + receipt.count };
  const before = state.receipts.at(-1);
  if (before && isRow(before, receipt)) {
    const row = { ...before, last: receipt.last, count: before.count + receipt.count, t: receipt.t };
    return { ...state, counts, receipts: [...state.receipts.slice(0, -1), row] };
  }
  return { ...state, counts, receipts: [...state.receipts, receipt].slice(-RECEIPTS_MAX) };
}

function isRow(a: Receipt, b: Receipt): boolean {
  const { outcome, reason, into } = a;
  if (!isTimeSlot(a.last) || !isTimeSlot(b.slot)) return false;
  if (outcome !== 'joined' && outcome !== 'skipped' && outcome !== 'missed') return false;
  return outcome === b.outcome && reason === b.reason && into === b.into;
}

/** A run that was started by what the one before changed, which the ones before that changed, too. */
function loopWith({ runs, paths }: TriggerState['loop'], changed: string[] | null): TriggerState['loop'] {
  if (changed === null || changed.length === 0) return { runs: 0, paths: [] };
  const again = runs === 0 ? changed : paths.filter(path => changed.includes(path));
  return again.length > 0 ? { runs: runs + 1, paths: again } : { runs: 1, paths: changed };
}
