/**
 * advance: asks decide until it has nothing more to record. Pure. The supervisor and the crash simulation both run
 * tasks through this, so what the one proves holds for the other.
 */

import type { Event, NewEvent } from '../contract/event.ts';
import { type Clock, jumpSince, type Reading } from './clock.ts';
import { decide } from './decide.ts';
import type { Effect, Observed } from './effect.ts';
import { fold } from './fold.ts';
import type { TaskState } from './state.ts';

/** Decisions of one pass; more would be a loop. Each may have as many events as there are subtasks. */
const MAX_DECISIONS = 2000;

export interface Advance {
  /** To be recorded, in one go, before any effect starts. */
  events: Event[];
  state: TaskState;
  effects: Effect[];
  wake_ms: number | null;
}

export function advance(state: TaskState, look: (state: TaskState) => Observed, clock: Clock): Advance {
  const events: Event[] = [];
  let now = state;
  for (let decisions = 1; ; decisions++) {
    // First of all: no decision may rest on a time that a jump has made wrong.
    const jump = jumpSince(now, clock());
    const next = jump ? { events: [jump], effects: [], wake_ms: null } : decide(now, look(now));
    if (next.events.length === 0) return { events, state: now, effects: next.effects, wake_ms: next.wake_ms };
    const stamped = stamp(now, next.events, clock);
    events.push(...stamped.events);
    now = stamped.state;
    if (decisions > MAX_DECISIONS)
      throw new Error(`task ${state.id}: decide does not come to rest (last: ${events.at(-1)!.type})`);
  }
}

/** Gives new events their number and time and folds them. A jump of the clock since the last one is said before them. */
export function stamp(
  state: TaskState,
  added: readonly NewEvent[],
  clock: Clock,
): { events: Event[]; state: TaskState } {
  const events: Event[] = [];
  let now = state;
  const put = (event: NewEvent, { boot: _, ...time }: Reading) => {
    const epoch = now.epoch + (event.type === 'task_claimed' ? 1 : 0);
    const full = { seq: now.seq + 1, ...time, epoch, ...event } as Event;
    events.push(full);
    now = fold(now, full);
  };
  for (const event of added) {
    const reading = clock();
    const jump = jumpSince(now, reading);
    if (jump && event.type !== 'clock_jumped') put(jump, reading);
    put(event, reading);
  }
  return { events, state: now };
}

/** Processes of the task that may be alive or are about to be. */
export function countJobs(state: TaskState): number {
  let jobs = 0;
  for (const { attempt, kind } of state.steps) {
    // Services have no place among them: those who wait for a place may wait for a service.
    if (!attempt || kind === 'service') continue;
    if (attempt.work && ['created', 'prepared', 'running', 'stopping'].includes(attempt.phase)) jobs++;
    jobs += attempt.gates.filter(g => g.live).length;
  }
  return jobs;
}
