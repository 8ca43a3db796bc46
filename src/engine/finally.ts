/**
 * What runs once at the end of a task, however that is. Pure. It comes after everything else, services included, and before
 * the word that the task is over; what becomes of it is told, and changes nothing about that word. A task that is stopped or
 * blocked is not at its end: it goes on, and its end comes later.
 */
import type { NewEvent } from '../contract/event.ts';
import type { Next } from './attempt.ts';
import type { Observed } from './effect.ts';
import { answerOf, Needs, neverText } from './needs.ts';
import { exhaustionOf } from './retry.ts';
import type { Step, TaskState } from './state.ts';

const record = (...events: NewEvent[]): Next => ({ events, effects: [], wake_ms: null });
const until = (wake_ms: number | null): Next => ({ events: [], effects: [], wake_ms });

/** null: nothing of it is left to be done. `begin`: the events that begin an attempt of a step. */
export function nextAtTheEnd(
  state: TaskState,
  seen: Observed,
  begin: (step: Step) => NewEvent[],
): Next | null {
  // What never began has nothing to clear away, and who is told to hurry does not wait for it.
  if (state.started_at === null || (state.want === 'cancel' && state.force)) return null;
  const left = state.steps.filter(
    s => s.kind === 'finally' && (s.status === 'pending' || s.status === 'in_progress'),
  );
  const step = left[0];
  if (!step) return null;
  if (step.attempt) return until(null);
  const exhausted = step.block?.message ?? exhaustionOf(state, step);
  if (exhausted) return record({ type: 'step_failed', step: step.id, reason: exhausted });
  const needs = new Needs(state);
  // What it needs and is not there now does not come any more.
  const missing = needs.of(step).find(need => answerOf(need) !== 'met');
  if (missing) {
    const after = left.find(other => other.id === missing.step.id && other !== step);
    if (!after) return record({ type: 'step_skipped', step: step.id, reason: neverText(missing) });
    return beginWhenDue(seen, after, begin);
  }
  return beginWhenDue(seen, step, begin);
}

function beginWhenDue(seen: Observed, step: Step, begin: (step: Step) => NewEvent[]): Next {
  if (step.attempt) return until(null);
  const due = step.retry_at ? Date.parse(step.retry_at) : 0;
  if (due > seen.now_ms) return until(due);
  return seen.draining || seen.slots <= 0 ? until(null) : record(...begin(step));
}

/** The state as its steps see it: a task that is cancelled does them all the same. */
export const atTheEnd = (state: TaskState, { kind }: Step): TaskState =>
  kind === 'finally' && state.want === 'cancel' && !state.force ? { ...state, want: 'run' } : state;

/** Steps at the end that failed, for people. */
export const failedAtTheEnd = (state: TaskState): { step: string; reason: string }[] =>
  state.steps
    .filter(s => s.kind === 'finally' && s.status === 'failed')
    .map(({ id, reason }) => ({ step: id, reason: reason ?? 'no reason given' }));
