/** When a limit of Codex's ends, as its message says it. */
import { instantOf, wallTimeAt } from '../../engine/wall-time.ts';
import type { AgentExit } from '../agent.ts';

/** The day is there only where it is another one. */
const RESET =
  /try again at (?:([A-Z][a-z]{2}) (\d{1,2})(?:st|nd|rd|th), (\d{4}) )?(\d{1,2}):(\d{2}) (AM|PM)\.?$/;
const HOUR_MS = 3_600_000;
const MONTHS = ['Jan', 'Feb', 'Mar', 'Apr', 'May', 'Jun', 'Jul', 'Aug', 'Sep', 'Oct', 'Nov', 'Dec'];

/** The end of a limit: local time without its seconds, so a minute is added to be after it. */
export function resetOf(message: string, { time_zone, ended_ms }: AgentExit): string | null {
  const found = RESET.exec(message);
  if (!found) return null;
  const [, name, day, year, hour, minute, half] = found;
  const clock = { hour: (Number(hour) % 12) + (half === 'PM' ? 12 : 0), minute: Number(minute) + 1 };
  if (name !== undefined) {
    const month = MONTHS.indexOf(name) + 1;
    return month === 0
      ? null
      : instantOf({ ...clock, year: Number(year), month, day: Number(day) }, time_zone);
  }
  const today = instantOf({ ...wallTimeAt(ended_ms, time_zone), ...clock }, time_zone);
  // Said before midnight, ended after it: the day was yesterday.
  const late = today !== null && Date.parse(today) - ended_ms > 23 * HOUR_MS;
  return late ? new Date(Date.parse(today) - 24 * HOUR_MS).toISOString() : today;
}
