/**
 * The calendar: when slots are due. Pure; croner calculates and never waits. Rules at changes of the clock (DST): a fixed
 * time that the day leaves out is due right after the gap, one that comes twice is due once; what has a wildcard or a
 * step follows the clock on the wall.
 */
import { createHash } from 'node:crypto';
import { Cron } from 'croner';
import type { When, WhenOf } from '../contract/trigger.ts';
import { parseDuration } from '../util/units.ts';

type Timed = WhenOf<'at' | 'every' | 'cron'>;

/** Slots of these come by the clock; those of the others are delivered. */
export function isTimed(when: When): when is Timed {
  return when.kind === 'at' || when.kind === 'every' || when.kind === 'cron';
}

/** Expressions that are kept parsed: a machine has few, and thousands of triggers may share one. */
const PARSED_MAX = 1000;
const parsed = new Map<string, Cron>();
/** Slots that were just calculated: a trigger asks for the same ones several times, and each costs a tenth of a ms. */
const KNOWN_MAX = 2000;
const known = new Map<string, number | null>();

function cronOf(expression: string, zone: string): Cron {
  const key = `${zone} ${expression}`;
  const before = parsed.get(key);
  if (before) return before;
  const made = new Cron(expression, { timezone: zone, paused: true, fixedTimeRule: 'no-wildcard' });
  if (parsed.size >= PARSED_MAX) parsed.delete(parsed.keys().next().value!);
  parsed.set(key, made);
  return made;
}

/** What is wrong with a cron expression, as a sentence; null: nothing. */
export function cronProblem(expression: string): string | null {
  // croner takes a date for an expression.
  if (!/^@[a-z]+$/i.test(expression.trim()) && expression.trim().split(/\s+/).length < 5)
    return 'needs five fields: minute hour day month weekday, such as "0 2 * * 1-5"';
  try {
    return cronOf(expression, 'UTC').nextRun(new Date()) === null ? 'is never due' : null;
  } catch (error) {
    return (error as Error).message.replace(/^CronPattern: /, '');
  }
}

export function isTimeZone(zone: string): boolean {
  try {
    new Intl.DateTimeFormat('en', { timeZone: zone });
    return true;
  } catch {
    return false;
  }
}

/** The first slot after `ms`; null: there is none. */
export function slotAfter(when: Timed, zone: string, ms: number): number | null {
  switch (when.kind) {
    case 'at': {
      const at = Date.parse(when.at);
      return at > ms ? at : null;
    }
    case 'every': {
      const from = Date.parse(when.from);
      const every = Math.round(when.every_seconds * 1000);
      return ms < from ? from : from + (Math.floor((ms - from) / every) + 1) * every;
    }
    case 'cron':
      return cronAfter(when.cron, zone, ms);
  }
}

function cronAfter(expression: string, zone: string, ms: number): number | null {
  const key = `${ms} ${zone} ${expression}`;
  const before = known.get(key);
  if (before !== undefined) return before;
  const next = cronOf(expression, zone).nextRun(new Date(ms))?.getTime() ?? null;
  if (known.size >= KNOWN_MAX) known.delete(known.keys().next().value!);
  known.set(key, next);
  return next;
}

/** How much later than its slot a run begins: by chance, and always the same for the same slot. */
export function jitterMs(trigger: string, slotMs: number, seconds: number): number {
  if (seconds === 0) return 0;
  const chance = createHash('sha256').update(`${trigger} ${slotMs}`).digest().readUInt32BE(0) / 2 ** 32;
  return Math.floor(chance * seconds * 1000);
}

const CLOCK_TIME = /^([01]?\d|2[0-3]):([0-5]\d)(?::([0-5]\d))?$/;
const LOCAL_TIME = /^(\d{4}-\d\d-\d\d)[T ](\d\d:\d\d(?::\d\d)?)$/;

/**
 * The time that people mean: RFC 3339, a date and time in the zone, a time of day (the next one), or a duration from now
 * on. null: it is none of these.
 */
export function parseAt(text: string, zone: string, nowMs: number): number | null {
  const words = text.trim();
  const clock = CLOCK_TIME.exec(words);
  if (clock) {
    const [, hour, minute, second = '0'] = clock;
    return (
      cronOf(`${Number(second)} ${Number(minute)} ${Number(hour)} * * *`, zone)
        .nextRun(new Date(nowMs))
        ?.getTime() ?? null
    );
  }
  const local = LOCAL_TIME.exec(words);
  if (local) return inZone(`${local[1]}T${local[2]}`, zone);
  const seconds = parseSpan(words);
  if (seconds !== null) return nowMs + seconds * 1000;
  if (!/^\d{4}-\d\d-\d\dT.*(?:Z|[+-]\d\d:?\d\d)$/i.test(words)) return null;
  const ms = Date.parse(words);
  return Number.isNaN(ms) ? null : ms;
}

/** Seconds of a time that is given as a duration from now on; null: it is given otherwise. */
export function parseSpan(text: string): number | null {
  const words = text.trim();
  const isSpan = /^[+\d.dhms\s]+$/i.test(words) && /[dhms]/i.test(words);
  return isSpan ? parseDuration(words.replace(/^\+\s*/, '')) : null;
}

/** A wall time of a zone; one that the clock leaves out is as far behind the gap as it would have been in it. */
function inZone(local: string, zone: string): number | null {
  try {
    // A date that has passed is an answer, too.
    return new Cron(local, { timezone: zone, paused: true }).getOnce()?.getTime() ?? null;
  } catch {
    return null;
  }
}

/** The text of a time slot; `turn` tells slots of one time apart when the clock was set back. */
export function slotName(ms: number, turn: number): string {
  const time = new Date(ms).toISOString().replace('.000Z', 'Z');
  return turn === 0 ? time : `${time}+${turn}`;
}

/** Whether a slot is one of the clock; deliveries, changes and those of persons begin with what they are. */
export const isTimeSlot = (slot: string): boolean => /^[+-]?\d/.test(slot);

/** A definition in words: `every 5m`, `cron 0 2 * * * (Europe/Berlin)`. */
export function whenText(when: When, zone: string): string {
  switch (when.kind) {
    case 'at':
      return `at ${when.at}`;
    case 'every':
      return `every ${shortDuration(when.every_seconds)}`;
    case 'cron':
      return `cron ${when.cron} (${zone})`;
    case 'watch':
      return `watch ${when.patterns.join(' ')}`;
    case 'webhook':
      return 'webhook';
  }
}

export function shortDuration(seconds: number): string {
  const units: [number, string][] = [
    [86_400, 'd'],
    [3600, 'h'],
    [60, 'm'],
  ];
  let left = seconds;
  let text = '';
  for (const [size, unit] of units) {
    const n = Math.floor(left / size);
    if (n > 0) text += `${n}${unit}`;
    left -= n * size;
  }
  return left > 0 || text === '' ? `${text}${Number(left.toFixed(3))}s` : text;
}
