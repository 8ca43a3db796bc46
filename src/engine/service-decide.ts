/**
 * Services: what happens next with one that is up, which one is started, and that none is left when the task comes to rest.
 * Pure. Their attempts are those of attempt.ts; only what runs is looked at in another way, since it has no end.
 */
import type { NewEvent } from '../contract/event.ts';
import { isTerminal, type StopReason } from '../contract/status.ts';
import { type Next, nextOfAttempt } from './attempt.ts';
import type { Effect, Observed } from './effect.ts';
import type { Needs } from './needs.ts';
import { healthProbe, isService, serviceOf } from './service.ts';
import type { Attempt, Step, TaskState } from './state.ts';

const nothing: Next = { events: [], effects: [], wake_ms: null };
const record = (...events: NewEvent[]): Next => ({ events, effects: [], wake_ms: null });

/** One with an open attempt. While the task is told to stop, those that use it end first. */
export function nextOfService(state: TaskState, step: Step, attempt: Attempt, seen: Observed): Next {
  const { phase } = attempt;
  const halts = state.want !== 'run' || seen.suspending;
  if (phase === 'prepared' && attempt.boot === state.boot && halts) return nothing;
  if (phase !== 'running') return nextOfAttempt(state, step, attempt, seen);
  const facts = seen.job(attempt.job);
  // What is gone is seen to in any case.
  const is_gone = attempt.boot !== state.boot || !facts || facts.exited || !facts.alive;
  if (is_gone) return nextOfAttempt(state, step, attempt, seen);
  if (halts || facts.recording) return nothing;
  if (facts.flood) return record({ type: 'attempt_stopping', step: step.id, n: attempt.n, reason: 'flood' });
  const { job } = attempt;
  const at = { job, step: step.id, n: attempt.n };
  if (!step.service?.ready_at)
    return { ...nothing, effects: [{ type: 'probe', key: `ready:${job}`, ...at, what: 'ready' }] };
  if (healthProbe(serviceOf(state, step)) === null) return nothing;
  return { ...nothing, effects: [{ type: 'probe', key: `health:${job}`, ...at, what: 'health' }] };
}

/** Stops what is up; null: nothing is. */
export function stopServices(state: TaskState, seen: Observed, reason: StopReason): Next | null {
  const open = state.steps.filter(s => isService(s) && s.attempt);
  if (open.length === 0) return null;
  const effects: Effect[] = [];
  for (const step of open) {
    const attempt = step.attempt!;
    const { phase, boot } = attempt;
    if ((phase === 'running' || phase === 'prepared') && boot === state.boot)
      return record({ type: 'attempt_stopping', step: step.id, n: attempt.n, reason });
    const next = nextOfAttempt(state, step, attempt, seen);
    if (next.events.length > 0) return next;
    effects.push(...next.effects);
  }
  return { events: [], effects, wake_ms: null };
}

/** Whether services are to be up: something is left to be done that may need them, or there is nothing but services. */
export function areWanted(state: TaskState): boolean {
  const others = state.steps.filter(({ kind }) => USERS.has(kind));
  return (
    !state.steps.some(s => s.kind === 'subtask') ||
    others.some(({ status }) => status === 'pending' || status === 'in_progress')
  );
}

const USERS: ReadonlySet<Step['kind']> = new Set(['baseline', 'subtask', 'fix', 'final']);

/** A task of services alone is never completed: it runs until somebody stops it. */
export function staysUp(state: TaskState): boolean {
  if (isTerminal(state.status) || state.steps.some(s => s.kind === 'subtask')) return false;
  return state.steps.some(s => isService(s) && s.attempt);
}

/** Whether something that could begin waits for a service that is on its way. */
export function isAwaited(state: TaskState, needs: Needs): boolean {
  return state.steps.some(
    s => s.status === 'pending' && s.kind !== 'finally' && !s.attempt && needs.awaitsService(s),
  );
}
