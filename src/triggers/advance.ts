/** Moves a trigger as far as it goes at once: decides and folds until there is nothing to record. Pure. */
import { decide, type Facts, jumpSince, type TriggerEffect } from './decide.ts';
import type { Moment, NewTriggerEvent, TriggerEvent } from './event.ts';
import { fold } from './fold.ts';
import type { TriggerState } from './state.ts';

/** Events of one pass; what is left is done in the next, so that others get their turn. */
const EVENTS_MAX = 50;

export interface Advanced {
  events: TriggerEvent[];
  state: TriggerState;
  effects: TriggerEffect[];
  /** When to look again; 0: at once. null: only when something happens. */
  wake_ms: number | null;
}

export function advance(state: TriggerState, facts: Facts): Advanced {
  const events: TriggerEvent[] = [];
  let now = state;
  for (;;) {
    const next = decide(now, facts);
    if (next.events.length === 0) return { events, state: now, effects: next.effects, wake_ms: next.wake_ms };
    const stamped = stamp(now, next.events, facts.clock);
    events.push(...stamped.events);
    now = stamped.state;
    // The effects of the moment are not kept back by a long row of slots.
    if (events.length >= EVENTS_MAX) return { events, state: now, effects: [], wake_ms: 0 };
  }
}

/** Gives new events their numbers and time. A clock that was set meanwhile is recorded first. */
export function stamp(
  state: TriggerState | null,
  added: readonly NewTriggerEvent[],
  clock: Moment,
): { events: TriggerEvent[]; state: TriggerState } {
  const events: TriggerEvent[] = [];
  let now = state;
  const put = (event: NewTriggerEvent) => {
    const stamped = { seq: (now?.seq ?? 0) + 1, ...clock, ...event } as TriggerEvent;
    events.push(stamped);
    now = fold(now, stamped);
  };
  for (const event of added) {
    const jump = event.type === 'clock_jumped' || now === null ? null : jumpSince(now, clock);
    if (jump) put(jump);
    put(event);
  }
  return { events, state: now! };
}
