/**
 * Quiet hours: times of day in which no attempt of an agent is started, as `08:00-18:00`, in the user's time zone, over
 * midnight where the second is the earlier one. Pure. Safe where the clocks are changed: the end is asked for again when
 * it is there, so that an hour that comes twice is quiet twice, and one that is left out is no hour longer.
 */
import * as z from 'zod';
import { gatesOf, isAgentStep } from './gates-of.ts';
import type { Step, TaskState } from './state.ts';
import { offsetMs, wallTimeAt } from './wall-time.ts';

const MINUTE = 60_000;
const DAY_MINUTES = 1440;
/** Ranges that follow each other at once, as many as can be written. */
export const MAX_QUIET_RANGES = 24;

const RANGE = /^([01]\d|2[0-3]):([0-5]\d)-([01]\d|2[0-3]):([0-5]\d)$/;

interface Range {
  /** Minutes of the day; the end is not part of it. */
  from: number;
  to: number;
}

/** null: it is no range, or one without an end. */
export function parseQuietRange(text: string): Range | null {
  const words = RANGE.exec(text.replaceAll(/\s+/g, ''));
  if (!words) return null;
  const [, h1, m1, h2, m2] = words.map(Number) as [number, number, number, number, number];
  const range = { from: h1 * 60 + m1, to: h2 * 60 + m2 };
  return range.from === range.to ? null : range;
}

/** Whether nothing of the day is left. */
export function coversTheDay(texts: readonly string[]): boolean {
  const ranges = texts.map(parseQuietRange).filter(range => range !== null);
  return Array.from({ length: DAY_MINUTES }, (_, minute) => minute).every(minute =>
    ranges.some(range => isIn(range, minute)),
  );
}

export const quietHours = z
  .array(z.string().refine(text => parseQuietRange(text) !== null, 'is no range such as 08:00-18:00'))
  .max(MAX_QUIET_RANGES)
  .refine(texts => !coversTheDay(texts), 'leave nothing of the day')
  .default([])
  .describe('Times of day in which no session of an agent begins, as 08:00-18:00.');

function isIn({ from, to }: Range, minute: number): boolean {
  return from < to ? minute >= from && minute < to : minute >= from || minute < to;
}

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
