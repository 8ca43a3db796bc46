/**
 * The events of one task on their way into the log: folds them again one by one, since a line is made of an event and the
 * state right after it. What is not in memory (after a restart, after a failure) is read from the journal.
 */
import type { Event } from '../contract/event.ts';
import { fold } from '../engine/fold.ts';
import type { TaskState } from '../engine/state.ts';
import { VIEW_LIMITS } from './limits.ts';
import { linesOf } from './lines.ts';
import { logText } from './log-format.ts';

/** Events of a task after `afterSeq`, in order. */
export type EventsAfter = (id: string, afterSeq: number) => Event[];

export interface Batch {
  lines: string[];
  /** State after the last of them. */
  state: TaskState;
}

export class LogFeed {
  readonly id: string;
  /** Number of the last event that is in the log; null: only the cursor on disk knows. */
  logged: number | null = null;
  /** Number of the last event that there is. */
  target = 0;
  /** State after `logged`, while it is in memory. */
  #state: TaskState | null = null;
  #queue: Event[] = [];

  constructor(id: string) {
    this.id = id;
  }

  add(state: TaskState, events: readonly Event[]): void {
    this.target = Math.max(this.target, state.seq);
    this.#queue.push(...events);
    if (this.#queue.length > VIEW_LIMITS.queued_events) this.#queue = [];
  }

  get isBehind(): boolean {
    return this.logged === null || this.logged < this.target;
  }

  /** The lines after event `from`. Changes nothing: it is logged when done() says so. */
  pending(from: number, eventsAfter: EventsAfter): Batch | null {
    const inMemory = this.#fromMemory(from);
    if (!inMemory && from >= this.target) return null;
    return inMemory ?? batchOf(null, eventsAfter(this.id, 0), from);
  }

  #fromMemory(from: number): Batch | null {
    const fresh = this.#queue.filter(event => event.seq > from);
    const start = this.#state?.seq === from ? this.#state : null;
    const whole =
      fresh.length > 0 &&
      fresh.every((event, i) => event.seq === from + 1 + i) &&
      fresh.at(-1)!.seq >= this.target;
    return whole && (start || from === 0) ? batchOf(start, fresh, from) : null;
  }

  /** `state`: the one after the last event in the log; null when nothing was new. */
  done(logged: number, state: TaskState | null): void {
    this.logged = logged;
    this.#state = state ?? (this.#state?.seq === logged ? this.#state : null);
    this.#queue = this.#queue.filter(event => event.seq > logged);
  }

  /** After a failure, or to save memory: the cursor and the journal decide where it goes on. */
  forget(): void {
    this.logged = null;
    this.rest();
  }

  /** Nothing more is expected soon. */
  rest(): void {
    this.#state = null;
    this.#queue = [];
  }
}

function batchOf(start: TaskState | null, events: readonly Event[], from: number): Batch | null {
  const lines: string[] = [];
  let state = start;
  for (const event of events) {
    state = fold(state, event);
    if (event.seq > from) for (const line of linesOf(state, event)) lines.push(logText(line, event.t));
  }
  return state && { lines, state };
}
