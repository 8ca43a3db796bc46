/**
 * Whether work that runs has to be stopped: a person, a budget, a loop, its time, its silence. Pure. What is through with
 * its work is stopped too, and counts; see `result` in status.ts.
 */

import type { StopReason } from '../contract/status.ts';
import { usedUp } from './budget.ts';
import type { JobFacts, Observed } from './effect.ts';
import { isAgentStep, subtaskIn } from './gates-of.ts';
import { resourceLimitsOf } from './resource-limits.ts';
import type { Attempt, Step, TaskState } from './state.ts';

/** A cage that holds `limits.runtime` itself comes first; where it does not, the supervisor does so soon after. */
const RUNTIME_SLACK_MS = 500;
/**
 * Silence after the result of an agent from which its program is taken to hang: what it started keeps it from ending.
 */
export const RESULT_GRACE_MS = 30_000;
/** Times of files may be a little ahead of the clock. */
export const CLOCK_SLACK_MS = 2000;
/** How long a new answer of a tool counts as progress. */
export const PROGRESS_MS = 5 * 60_000;

export const wantedStop = (state: TaskState): StopReason => (state.want === 'cancel' ? 'cancel' : 'user');

/** Whether running work has to be stopped, or when that would be. */
export function stopReason(
  state: TaskState,
  step: Step,
  attempt: Attempt,
  facts: Pick<JobFacts, 'last_output_at' | 'result_at' | 'flood' | 'signs'>,
  seen: Observed,
): { reason: StopReason | null; wake_ms: number | null } {
  const { now_ms: nowMs, suspending } = seen;
  const { signs } = facts;
  if (state.want !== 'run') return { reason: wantedStop(state), wake_ms: null };
  if (suspending) return { reason: 'suspend', wake_ms: null };
  if (facts.flood) return { reason: 'flood', wake_ms: null };
  // What is through uses nothing any more.
  if (isAgentStep(state, step) && !signs?.through && usedUp(state, step, seen))
    return { reason: 'budget', wake_ms: null };
  if (signs?.loop) return { reason: 'loop', wake_ms: null };
  const started = Date.parse(attempt.started_at ?? attempt.created_at);
  const deadlines: [StopReason, number][] = [];
  const { timeout, idle, tool_idle } = timeoutsOf(state, step);
  if (timeout !== null) {
    const end = started + timeout * 1000 + attempt.paused_ms;
    deadlines.push(['timeout', Math.max(end, grantedUntil(signs, end, end + timeout * 500, nowMs))]);
  }
  const { runtime_max_seconds } = resourceLimitsOf(state.spec, subtaskIn(state, step));
  if (runtime_max_seconds !== null)
    deadlines.push(['timeout', started + runtime_max_seconds * 1000 + attempt.paused_ms + RUNTIME_SLACK_MS]);
  const is_through = facts.result_at !== null || signs?.through === true;
  // What is left in the background may wake it; a server that is left there never will.
  const has_answered = is_through || signs?.answered === true;
  const silence = signs?.in_tool && !has_answered ? tool_idle : idle;
  const quiet_ms = Math.min(
    silence === null ? Number.POSITIVE_INFINITY : silence * 1000,
    is_through ? RESULT_GRACE_MS : Number.POSITIVE_INFINITY,
  );
  if (Number.isFinite(quiet_ms)) {
    const signs = [attempt.started_at, facts.last_output_at, facts.result_at, state.last_jump_at];
    deadlines.push(['idle', latestOf(signs, nowMs) + quiet_ms]);
  }
  // What runs at the end does so however that is.
  const runtime = step.kind === 'finally' ? null : runtimeLeftMs(state, nowMs);
  if (runtime !== null) deadlines.push(['runtime', nowMs + runtime]);
  const due = deadlines.find(([, ms]) => ms <= nowMs);
  if (due) {
    // It was through with its work; the gates tell what that is worth.
    const through = has_answered && (due[0] === 'idle' || due[0] === 'timeout');
    return { reason: through ? 'result' : due[0], wake_ms: null };
  }
  return { reason: null, wake_ms: deadlines.length > 0 ? Math.min(...deadlines.map(([, ms]) => ms)) : null };
}

/** The latest of what was seen. A time to come is one of a clock that was set back since: the jump itself is a sign then. */
export function latestOf(signs: readonly (string | null)[], nowMs: number): number {
  const times = signs.map(t => (t ? Date.parse(t) : 0)).filter(ms => ms <= nowMs + CLOCK_SLACK_MS);
  return Math.max(0, ...times);
}

/** A session that still gets somewhere at its end may go on, as long as it does and for half of its time more at most. */
function grantedUntil(signs: JobFacts['signs'], end: number, last: number, nowMs: number): number {
  if (!signs?.progress_at) return end;
  return Math.min(last, latestOf([signs.progress_at], nowMs) + PROGRESS_MS);
}

/** Seconds an attempt's work may last and may be silent, also while a tool runs; null: for ever. */
export function timeoutsOf(
  state: TaskState,
  step: Step,
): { timeout: number | null; idle: number | null; tool_idle: number | null } {
  const { session_timeout_seconds, idle_timeout_seconds, tool_idle_timeout_seconds } = state.spec.limits;
  const subtask = subtaskIn(state, step);
  const idle = subtask?.idle_timeout_seconds ?? idle_timeout_seconds;
  const none = idle === null || tool_idle_timeout_seconds === null;
  return {
    timeout: subtask?.timeout_seconds ?? session_timeout_seconds,
    idle,
    tool_idle: none ? null : Math.max(idle, tool_idle_timeout_seconds),
  };
}

/** Active time that is left of max_runtime_seconds, counted since the last resume; null: no limit. */
export function runtimeLeftMs(state: TaskState, nowMs: number): number | null {
  const { max_runtime_seconds } = state.spec.limits;
  if (max_runtime_seconds === null) return null;
  const { active } = state;
  const open = active.since ? Math.max(0, nowMs - Date.parse(active.since)) : 0;
  return max_runtime_seconds * 1000 - (active.total_ms - active.before_ms + open);
}
