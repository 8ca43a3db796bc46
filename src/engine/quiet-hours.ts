/**
 * Quiet hours: times of day in which no attempt of an agent is started, as `08:00-18:00`, in the user's time zone, over
 * midnight where the second is the earlier one. Pure. Safe where the clocks are changed: the end is asked for again when
 * it is there, so that an hour that comes twice is quiet twice, and one that is left out is no hour longer.
 */
import { isIn, parseQuietRange } from '../contract/quiet-hours.ts';
import { gatesOf, isAgentStep } from './gates-of.ts';
import type { Step, TaskState } from './state.ts';
import { offsetMs, wallTimeAt } from './wall-time.ts';

const MINUTE = 60_000;
const DAY_MINUTES = 1440;

/** The first time at or after `ms` that is not quiet; `ms` itself outside of quiet hours. */
export function quietEnd(texts: readonly string[], ms: number, zone: string | undefined): number {
  const ranges = texts.map(parseQuietRange).filter(range => range !== null);
  let at = ms;
  for (let round = 0; round <= ranges.length; round++) {
    const { hour, minute } = wallTimeAt(at, zone);
    const now = hour * 60 + minute;
    const range = ranges.find(one => isIn(one, now));
    if (!range) return at;
    const left = (range.to - now + DAY_MINUTES) % DAY_MINUTES;
    const plain = Math.floor(at / MINUTE) * MINUTE + left * MINUTE;
    // Where the clocks go forward meanwhile, the end comes an hour sooner; backward, later.
    at = Math.max(at + 1, plain - (offsetMs(plain, zone) - offsetMs(at, zone)));
  }
  return at;
}

/** When a step may begin that is due at `ms`: later in quiet hours, if sessions of an agent belong to it. */
export function afterQuietHours(state: TaskState, step: Step, ms: number): number {
  return hasSessions(state, step) ? sessionsAfter(state, ms) : ms;
}

/** The first time at or after `ms` at which a session may begin. */
export function sessionsAfter(state: TaskState, ms: number): number {
  const { limits, time_zone } = state.spec;
  if (limits.quiet_hours.length === 0) return ms;
  return quietEnd(limits.quiet_hours, ms, time_zone ?? undefined);
}

/** The final check has sessions of its own, where review or QA is a part of it. */
function hasSessions(state: TaskState, step: Step): boolean {
  if (isAgentStep(state, step)) return true;
  return step.kind === 'final' && gatesOf(state, step).some(({ kind }) => kind === 'review' || kind === 'qa');
}
