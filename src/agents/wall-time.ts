/** A time of day as a program writes it for people, in a time zone, as a point in time. Pure. */

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

function offsetMs(at: number, zone: string | undefined): number {
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

function formatOf(timeZone: string | undefined): Intl.DateTimeFormat {
  const numeric = 'numeric' as const;
  const options = { hourCycle: 'h23' as const, year: numeric, month: numeric, day: numeric, hour: numeric };
  const all = { ...options, minute: numeric, second: numeric };
  try {
    return new Intl.DateTimeFormat('en-US', { ...all, timeZone });
  } catch {
    return new Intl.DateTimeFormat('en-US', all);
  }
}
