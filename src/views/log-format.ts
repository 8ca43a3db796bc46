/** The two spellings of time in the seed's files, and the one of a line of rasen.log. Pure. */
import type { LogLine } from './lines.ts';

/** `2026-01-27T18:45:00Z`: without a fraction, which jq's fromdateiso8601 and old scripts do not take. */
export function seedTime(t: string): string {
  return `${new Date(Date.parse(t)).toISOString().slice(0, 19)}Z`;
}

/** `2026-01-27 18:45:00` in local time, as Python's logging writes it. */
export function localTime(t: string): string {
  const d = new Date(t);
  const two = (n: number) => String(n).padStart(2, '0');
  const date = `${d.getFullYear()}-${two(d.getMonth() + 1)}-${two(d.getDate())}`;
  return `${date} ${two(d.getHours())}:${two(d.getMinutes())}:${two(d.getSeconds())}`;
}

/** A line of rasen.log without its line end; `t` is the time of the event. */
export function logText(line: LogLine, t: string): string {
  return `${localTime(t)} - ${line.level} - ${line.text}`;
}
