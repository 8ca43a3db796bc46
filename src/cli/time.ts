/** Times and durations as people write and read them. Pure, apart from the time zone of the process. */
import { parseDuration } from '../util/units.ts';
import { usage } from './errors.ts';

/** `2h 15m`, `15m`, `42s`: the seed's form, never more than two units. */
export function runtime(seconds: number): string {
  const whole = Math.max(0, Math.floor(seconds));
  const hours = Math.floor(whole / 3600);
  const minutes = Math.floor((whole % 3600) / 60);
  if (hours > 0) return `${hours}h ${minutes}m`;
  return minutes > 0 ? `${minutes}m` : `${whole}s`;
}

/** `1m 02s`, for a display that ticks. */
export function elapsed(ms: number): string {
  const seconds = Math.max(0, Math.floor(ms / 1000));
  if (seconds < 60) return `${seconds}s`;
  if (seconds < 3600) return `${Math.floor(seconds / 60)}m ${pad(seconds % 60)}s`;
  return `${Math.floor(seconds / 3600)}h ${pad(Math.floor((seconds % 3600) / 60))}m`;
}

/** RFC 3339 with seconds, as the seed writes it. */
export function toSeconds(time: string): string {
  return time.replace(/\.\d+(?=Z|[+-]\d\d:\d\d$)/, '');
}

/** `2026-01-27 18:45:23` in local time. */
export function localTime(time: string | number): string {
  const t = new Date(time);
  if (Number.isNaN(t.getTime())) return String(time);
  const day = `${t.getFullYear()}-${pad(t.getMonth() + 1)}-${pad(t.getDate())}`;
  return `${day} ${pad(t.getHours())}:${pad(t.getMinutes())}:${pad(t.getSeconds())}`;
}

/** RFC 3339 UTC of a point in time: how long ago (`10m`), or a date and time, local unless it names its zone. */
export function parseSince(text: string, now_ms: number = Date.now()): string {
  const ago = parseDuration(text);
  const at = ago === null ? Date.parse(text.replace(' ', 'T')) : now_ms - ago * 1000;
  if (Number.isNaN(at) || Math.abs(at) > 8.64e15)
    throw usage(
      `Not a time: "${text}".`,
      'Write how long ago (90s, 10m, 2h, 7d) or a time (2026-01-27T18:45).',
    );
  return new Date(at).toISOString();
}

/** A whole number of at least `min`, for an option. */
export function wholeNumber(what: string, min = 0): (text: string) => number {
  return text => {
    const value = Number(text);
    if (!/^\d+$/.test(text) || !Number.isSafeInteger(value) || value < min)
      throw usage(`${what}: "${text}" is no whole number of at least ${min}.`);
    return value;
  };
}

/** Milliseconds of a clock that nobody sets. Unlike performance.now() it loads nothing: the start of a command counts. */
export function monotonicMs(): number {
  return process.uptime() * 1000;
}

export function sleep(ms: number): Promise<void> {
  return new Promise(resolve => setTimeout(resolve, ms));
}

function pad(n: number): string {
  return String(n).padStart(2, '0');
}
