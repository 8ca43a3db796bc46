/** What a trigger is: everything that its events say, and nothing else. */
import type { Definition } from '../contract/trigger.ts';
import type { ClockMark } from '../engine/clock.ts';
import type { Passed, RunEnd } from './event.ts';

/** What became of a slot, or of a row of slots to which the same happened. */
export interface Receipt {
  /** The first slot, and the last. */
  slot: string;
  last: string;
  count: number;
  outcome: 'started' | 'late' | 'refused' | Passed;
  /** When that was decided. */
  t: string;
  /** Of a run: its task. */
  task: string | null;
  reason: string | null;
  /** The slot whose run is theirs, too. */
  into: string | null;
  late_ms: number;
}

/** A slot that waits for its turn, or was taken and is being submitted. */
export interface Waiting {
  slot: string;
  /** When it was due, ms. */
  due: number;
  /** Name of the file with what came with it (changed paths, the body of a delivery). */
  payload: string | null;
  /** Of a watch: files that were changed while a run of this trigger went on; null: it is not due because of that. */
  changed: string[] | null;
}

export interface Taken extends Waiting {
  task: string;
  /** When it was taken, ms. */
  at: number;
}

export interface Run {
  slot: string;
  task: string;
  /** When its slot was taken, ms. */
  started: number;
  payload: string | null;
  /** null: it goes on. */
  end: RunEnd | null;
  ended_at: string | null;
}

export interface Told {
  key: string;
  t: string;
  ok: boolean;
  detail: string | null;
}

export interface TriggerState {
  id: string;
  definition: Definition;
  created_at: string;
  updated_at: string;
  seq: number;
  /** The clocks at the last event; missing where that was written by an older version. */
  clock?: ClockMark;
  status: 'active' | 'paused' | 'finished';
  /** Why it is paused or finished. */
  reason: string | null;
  paused_by: 'user' | 'failures' | 'loop' | null;
  /** When it was paused last. */
  paused_at: string | null;
  /** All time slots up to here have receipts, ms. */
  cursor: number;
  /** Time slots up to here fell due while it was paused, ms. */
  skipped_until: number;
  /** How often the clock was set back so that times come again. */
  turn: number;
  taken: Taken[];
  queue: Waiting[];
  /** Those that go on, and the finished ones that are kept; oldest first. */
  runs: Run[];
  /** The latest of them. */
  receipts: Receipt[];
  /** Slots by what became of them, since the trigger was created. */
  counts: Record<Receipt['outcome'], number>;
  /** Since it was created or a person resumed it. */
  failures: number;
  /** Result of the last run that had one; null: none had. */
  last_end: 'completed' | 'failed' | null;
  last_success_at: string | null;
  /** Since then a success is expected. */
  expecting_since: string;
  /** Runs in a row that were started by what the run before changed, and what that was. */
  loop: { runs: number; paths: string[] };
  told: Told[];
}

export const isLive = (run: Run) => run.end === null;
export const liveRuns = (state: TriggerState): Run[] => state.runs.filter(isLive);

/** Not after the last event, as where the clock was ahead and has been put right. */
export const expectingSince = ({ expecting_since, updated_at }: TriggerState): number =>
  Math.min(Date.parse(expecting_since), Date.parse(updated_at));
