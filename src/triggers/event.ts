/**
 * Events of a trigger: the lines of its journal. Every state is a fold over them (fold.ts). A field is only ever added;
 * a meaning never changes.
 */
import type { Definition } from '../contract/trigger.ts';
import type { Reading } from '../engine/clock.ts';
import type { TriggerState, Waiting } from './state.ts';

/** What becomes of a slot that starts no run. */
export type Passed = 'joined' | 'skipped' | 'missed';
/** How a run ended; `gone`: its task was removed. */
export type RunEnd = 'completed' | 'failed' | 'cancelled' | 'interrupted' | 'gone';

interface Of {
  trigger_created: { id: string; definition: Definition };
  /** Another definition; slots of the old one that nobody took are none any more. */
  trigger_edited: { definition: Definition };
  trigger_paused: { by: 'user' | 'failures' | 'loop'; reason: string };
  trigger_resumed: Record<never, never>;
  /** Nothing will be due any more. */
  trigger_finished: { reason: string };
  /** A receipt for a slot, or for a row of them: no run. `into`: the slot whose run is theirs, too. */
  slots_passed: {
    first: string;
    last: string;
    count: number;
    outcome: Passed;
    reason: string;
    into: string | null;
    /** Of time slots: all up to here have receipts. */
    cursor: number | null;
  };
  /** The slot waits for its turn. `due`: when it was due, ms. `cursor` as above. */
  slot_queued: Waiting & { cursor: number | null };
  /** Intent: the slot gets a run, whose task has this id. Nothing was submitted yet. */
  slot_taken: Waiting & { task: string; cursor: number | null };
  /**
   * A receipt: the task is there. `late_ms`: how late it was, 0: on time. `reason`: why the task cannot be used, where it
   * was made before and is damaged since.
   */
  slot_started: { slot: string; late_ms: number; reason?: string };
  /** A receipt: the task could not be submitted. */
  slot_refused: { slot: string; reason: string };
  run_ended: { slot: string; task: string; end: RunEnd };
  /** The trigger keeps the run no longer. */
  run_released: { task: string; removed: boolean };
  /** The wall clock was set back: slots of times that come again are new ones. */
  clock_set_back: { cursor: number };
  /** The wall clock moved by `ms` against the monotonic one, of which the machine slept `slept_ms`. What was to wait waits its length. */
  clock_jumped: { ms: number; slept_ms: number };
  /** A person was told of something, or that was tried. */
  notified: { key: string; ok: boolean; detail: string | null };
  /** The beginning of a journal that was made short: all that the events before it led to. */
  trigger_summed: { state: TriggerState };
}

export type TriggerEventType = keyof Of;
export type NewTriggerEvent = { [T in TriggerEventType]: { type: T } & Of[T] }[TriggerEventType];
/** The clocks of the moment; journals of older versions know the wall clock alone. */
export type Moment = Pick<Reading, 't'> & Partial<Reading>;
export type TriggerEvent = NewTriggerEvent & Moment & { seq: number };
export type TriggerEventOf<T extends TriggerEventType> = Extract<TriggerEvent, { type: T }>;
