/**
 * A login that fails is looked at again by itself: the next attempt is the look, since a session that cannot log in
 * costs nothing and no other question is answered by every agent. The task stays blocked meanwhile, and is told of once.
 */

import type { NewEvent } from '../contract/event.ts';
import type { BlockReason, Outcome } from '../contract/status.ts';
import type { Observed } from './effect.ts';
import { afterQuietHours } from './quiet-hours.ts';
import { type Step, stepOf, type TaskState } from './state.ts';

/** Looks at one login that is missing: a day of them at the default. Then only a person can go on. */
export const LOGIN_TRIES = 144;

/** When a task that is being blocked is looked at again; null: only when a person says so. */
export function loginRetryAt(state: TaskState, step: Step, why: BlockReason, nowMs: number): string | null {
  const { limits, auto_resume } = state.spec;
  if (why !== 'auth' || limits.login_retry_seconds === null || !auto_resume) return null;
  if ((state.login?.tries ?? 0) >= LOGIN_TRIES) return null;
  return new Date(afterQuietHours(state, step, nowMs + limits.login_retry_seconds * 1000)).toISOString();
}

/** Of a blocked task: the next look, or when that will be. */
export function nextLogin(state: TaskState, seen: Observed): { events: NewEvent[]; wake_ms: number | null } {
  const { status } = state;
  if (status.name !== 'blocked' || status.retry_at === null || status.subtask === null || seen.draining)
    return { events: [], wake_ms: null };
  const step = stepOf(state, status.subtask);
  const at = Date.parse(status.retry_at);
  // Later than it can be: the clock was set back meanwhile.
  const every_ms = (state.spec.limits.login_retry_seconds ?? 0) * 1000;
  const latest = afterQuietHours(state, step, seen.now_ms + every_ms);
  if (at > seen.now_ms && at <= latest) return { events: [], wake_ms: at };
  const free = afterQuietHours(state, step, seen.now_ms);
  if (free > seen.now_ms) return { events: [], wake_ms: free };
  return { events: [{ type: 'login_retried' }], wake_ms: null };
}

/** What a session that was logged in may end with; the others say nothing about the login. */
const LOGGED_IN: ReadonlySet<Outcome> = new Set([
  'ok',
  'gate_failed',
  'timeout',
  'stalled',
  'limit',
  'context',
  'budget',
  'asked',
]);

export const provesLogin = (outcome: Outcome): boolean => LOGGED_IN.has(outcome);
