/**
 * What follows a usage limit: waiting for its end is the user's to allow, and is bounded in number and time. Pure.
 * A stated end is waited for with some chance added, so that not everything that waits goes on in the same second.
 */
import type { Attempt, Step, TaskState } from './state.ts';
import { clockTime, duration, sinceMs } from './wall-time.ts';

const SECOND = 1000;
const MINUTE = 60 * SECOND;

export const LIMIT_RETRY = {
  /** Waits where nobody states an end; the last one stands for all later ones. */
  steps_ms: [15 * MINUTE, 30 * MINUTE, 60 * MINUTE],
  /** Most that is added to a stated end. */
  jitter_ms: MINUTE,
} as const;

/** The policy of orders that were made before they could say one. */
export const WAITED_ALWAYS = {
  wait: true,
  max_waits: 6,
  max_wait_seconds: 8 * 86_400,
  login_retry_seconds: 600,
  quiet_hours: [],
};

export type LimitVerdict = { wait_until_ms: number } | { refused: string };

/** `row`: limits in a row, this one included. `stated_ms`: until the end that was stated (negative: over). */
export function waitForLimit(
  state: TaskState,
  step: Step,
  attempt: Attempt,
  row: number,
  stated_ms: number | null,
  nowMs: number,
): LimitVerdict {
  const { wait, max_waits, max_wait_seconds } = state.spec.limits;
  const when =
    stated_ms !== null && stated_ms > 0 ? ` until ${endText(state, nowMs + stated_ms, nowMs)}` : '';
  const resume = `\`rasen resume ${state.id}\`${when ? ' after that' : ' later'}`;
  if (!wait) {
    return { refused: `usage limit${when}; ${resume}, or \`limits: {wait: true}\` to have it waited for` };
  }
  if (row > max_waits)
    return {
      refused: `still at its usage limit${when} after ${max_waits} waits (limits.max_waits); ${resume}`,
    };
  const left_ms = max_wait_seconds * SECOND - waitedMs(step, attempt, row, nowMs);
  const too_long = `(limits.max_wait is ${duration(max_wait_seconds * SECOND)}); ${resume}`;
  if (stated_ms !== null && stated_ms > 0) {
    if (stated_ms > left_ms) return { refused: `usage limit${when}, which is too long to wait ${too_long}` };
    return { wait_until_ms: nowMs + Math.max(SECOND, stated_ms) + jitterMs(attempt, stated_ms) };
  }
  if (left_ms < SECOND) return { refused: `still at its usage limit ${too_long}` };
  // An end that is over already may be a clock that differs: tried soon, but only once.
  if (stated_ms !== null && row === 1) return { wait_until_ms: nowMs + SECOND };
  const { steps_ms } = LIMIT_RETRY;
  const step_ms = steps_ms[Math.min(row, steps_ms.length) - 1]!;
  return { wait_until_ms: nowMs + Math.min(step_ms, left_ms) };
}

/** Since the first limit of the row. */
function waitedMs(step: Step, { held, agent }: Attempt, row: number, nowMs: number): number {
  if (row <= 1) return 0;
  const limits = step.history.filter(record => record.outcome === 'limit' && record.agent === agent);
  const first = limits.at(-(row - 1));
  if (!held && !first) return 0;
  const since = held ? { t: held.since } : { t: first!.ended_at, set_ms: first!.set_ms };
  return Math.max(0, sinceMs(since, nowMs));
}

/** Not more than a tenth of a short wait. The same for the same attempt, whenever it is asked for. */
export function jitterMs({ nonce }: Attempt, wait_ms: number): number {
  let hash = 2166136261;
  for (const char of nonce) hash = Math.imul(hash ^ char.charCodeAt(0), 16777619) >>> 0;
  return Math.floor((hash / 2 ** 32) * Math.min(LIMIT_RETRY.jitter_ms, wait_ms / 10));
}

/** `02:08 (in 5h 12m)`, by the clock of the user. */
export function endText(state: TaskState, ms: number, nowMs: number): string {
  return `${clockTime(ms, nowMs, state.spec.time_zone ?? undefined)} (in ${duration(ms - nowMs)})`;
}
