/** Times of day as people read and write them, in a time zone, and points in time. Pure. */

export interface WallTime {
  year: number;
  /** 1 to 12. */
  month: number;
  day: number;
  hour: number;
  minute: number;
}

/** RFC 3339 UTC. `zone`: a name such as Europe/Berlin; undefined, or one that is not known: that of this process. */
export function instantOf(wall: WallTime, zone: string | undefined): string | null {
  const asUtc = Date.UTC(wall.year, wall.month - 1, wall.day, wall.hour, wall.minute);
  if (Number.isNaN(asUtc)) return null;
  // The offset at a first guess, then at the better one: the two differ only where the clocks are changed.
  let at = asUtc;
  for (let round = 0; round < 2; round++) at = asUtc - offsetMs(at, zone);
  return new Date(at).toISOString();
}

/** What the clock on the wall of a zone shows at a point in time. */
export function wallTimeAt(ms: number, zone: string | undefined): WallTime {
  const shown = new Date(ms + offsetMs(ms, zone));
  return {
    year: shown.getUTCFullYear(),
    month: shown.getUTCMonth() + 1,
    day: shown.getUTCDate(),
    hour: shown.getUTCHours(),
    minute: shown.getUTCMinutes(),
  };
}

/** `02:08`, with the day where that is not today's: `2026-01-28 02:08`. */
export function clockTime(ms: number, nowMs: number, zone: string | undefined): string {
  const at = wallTimeAt(ms, zone);
  const now = wallTimeAt(nowMs, zone);
  const time = `${two(at.hour)}:${two(at.minute)}`;
  const same = at.year === now.year && at.month === now.month && at.day === now.day;
  return same ? time : `${at.year}-${two(at.month)}-${two(at.day)} ${time}`;
}

/** `5h 12m`, `12m`, `1m 3s`: never more than two units, rounded up so that it is over by then. */
export function duration(ms: number): string {
  const seconds = Math.max(0, Math.ceil(ms / 1000));
  if (seconds < 3600) return exactDuration(seconds);
  const minutes = Math.ceil(seconds / 60);
  const [days, hours] = [Math.floor(minutes / 1440), Math.floor((minutes % 1440) / 60)];
  if (days > 0) return hours > 0 ? `${days}d ${hours}h` : `${days}d`;
  return minutes % 60 > 0 ? `${hours}h ${minutes % 60}m` : `${hours}h`;
}

/** `1d 2h 3m 4s` without the units that are zero: of time that has passed, to the second. */
export function exactDuration(seconds: number): string {
  const whole = Math.max(0, Math.floor(seconds));
  const units = [
    [Math.floor(whole / 86_400), 'd'],
    [Math.floor(whole / 3600) % 24, 'h'],
    [Math.floor(whole / 60) % 60, 'm'],
    [whole % 60, 's'],
  ] as const;
  return (
    units
      .filter(([n]) => n > 0)
      .map(([n, unit]) => `${n}${unit}`)
      .join(' ') || '0s'
  );
}

/** Milliseconds since `t` of a record, whatever the wall clock was set to meanwhile. */
export const sinceMs = (
  { t, set_ms = 0 }: { t: string; set_ms?: number | undefined },
  now_ms: number,
): number => now_ms - Date.parse(t) - set_ms;

const two = (n: number) => String(n).padStart(2, '0');

/** What the clock of a zone is ahead of UTC at a point in time, in ms. */
export function offsetMs(at: number, zone: string | undefined): number {
  const format = formatOf(zone);
  const parts = Object.fromEntries(format.formatToParts(at).map(part => [part.type, Number(part.value)]));
  const shown = Date.UTC(
    parts.year!,
    parts.month! - 1,
    parts.day!,
    parts.hour!,
    parts.minute!,
    parts.second!,
  );
  return shown - Math.floor(at / 1000) * 1000;
}

/** Making one is slow, and each look at a task that is quiet asks for it. */
const formats = new Map<string | undefined, Intl.DateTimeFormat>();
/** Zones of one supervisor; a task with more names than that is nobody's. */
const MAX_FORMATS = 50;

function formatOf(timeZone: string | undefined): Intl.DateTimeFormat {
  const known = formats.get(timeZone);
  if (known) return known;
  if (formats.size >= MAX_FORMATS) formats.clear();
  const format = newFormat(timeZone);
  formats.set(timeZone, format);
  return format;
}

function newFormat(timeZone: string | undefined): Intl.DateTimeFormat {
  const numeric = 'numeric' as const;
  const options = { hourCycle: 'h23' as const, year: numeric, month: numeric, day: numeric, hour: numeric };
  const all = { ...options, minute: numeric, second: numeric };
  try {
    return new Intl.DateTimeFormat('en-US', { ...all, timeZone });
  } catch {
    return new Intl.DateTimeFormat('en-US', all);
  }
}
