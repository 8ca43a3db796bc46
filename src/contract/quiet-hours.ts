/**
 * Quiet hours as they are written: times of day as `08:00-18:00`, over midnight where the second is the earlier one. When
 * a session may begin is decided in engine/quiet-hours.ts.
 */
import * as z from 'zod';

const DAY_MINUTES = 1440;
/** Ranges that follow each other at once, as many as can be written. */
export const MAX_QUIET_RANGES = 24;

const RANGE = /^([01]\d|2[0-3]):([0-5]\d)-([01]\d|2[0-3]):([0-5]\d)$/;

export interface Range {
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

export function isIn({ from, to }: Range, minute: number): boolean {
  return from < to ? minute >= from && minute < to : minute >= from || minute < to;
}
