/** The calendar of triggers: zones, both changes of the clock of two years, times as people write them. */
import { describe, expect, it, test } from 'vitest';
import { cronProblem, jitterMs, parseAt, slotAfter, slotName } from '../../../src/triggers/calendar.ts';

const cron = (expression: string) => ({ kind: 'cron', cron: expression }) as const;

/** All slots of a window. */
function slots(expression: string, zone: string, from: string, to: string): string[] {
  const found: string[] = [];
  for (let ms: number | null = Date.parse(from) - 1; ; ) {
    ms = slotAfter(cron(expression), zone, ms);
    if (ms === null || ms >= Date.parse(to)) return found;
    found.push(slotName(ms, 0));
  }
}

/** Zone, day of a change, a time that the day leaves out or has twice, and the one slot of that day. */
const CHANGES = [
  ['Europe/Berlin', '2026-03-29', '30 2', '2026-03-29T01:00:00Z'],
  ['Europe/Berlin', '2026-10-25', '30 2', '2026-10-25T00:30:00Z'],
  ['Europe/Berlin', '2027-03-28', '30 2', '2027-03-28T01:00:00Z'],
  ['Europe/Berlin', '2027-10-31', '30 2', '2027-10-31T00:30:00Z'],
  ['Europe/London', '2026-03-29', '30 1', '2026-03-29T01:00:00Z'],
  ['Europe/London', '2026-10-25', '30 1', '2026-10-25T00:30:00Z'],
  ['America/New_York', '2026-03-08', '30 2', '2026-03-08T07:00:00Z'],
  ['America/New_York', '2026-11-01', '30 1', '2026-11-01T05:30:00Z'],
  ['America/New_York', '2027-03-14', '30 2', '2027-03-14T07:00:00Z'],
  ['America/New_York', '2027-11-07', '30 1', '2027-11-07T05:30:00Z'],
  ['America/Santiago', '2026-09-06', '30 0', '2026-09-06T04:00:00Z'],
  ['Australia/Sydney', '2026-10-04', '30 2', '2026-10-03T16:00:00Z'],
  ['Australia/Sydney', '2027-04-04', '30 2', '2027-04-03T15:30:00Z'],
  ['Australia/Lord_Howe', '2026-10-04', '15 2', '2026-10-03T15:30:00Z'],
  ['Africa/Cairo', '2026-04-24', '30 0', '2026-04-23T22:00:00Z'],
  ['Asia/Kolkata', '2026-03-29', '30 2', '2026-03-28T21:00:00Z'],
] as const;

describe('a fixed time', () => {
  it.each(CHANGES)('in %s on %s at %s is due once', (zone, day, time, slot) => {
    const from = Date.parse(`${day}T12:00:00Z`) - 36 * 3_600_000;
    const days = slots(`${time} * * *`, zone, new Date(from).toISOString(), `${day}T23:00:00Z`);
    expect(days).toContain(slot);
    const local = new Intl.DateTimeFormat('sv', { timeZone: zone, dateStyle: 'short' });
    expect(days.filter(name => local.format(new Date(name)) === day)).toEqual([slot]);
  });

  it('also where it is one of a list', () => {
    expect(slots('30 2,14 * * *', 'Europe/Berlin', '2026-03-29T00:00Z', '2026-03-30T00:00Z')).toEqual([
      '2026-03-29T01:00:00Z',
      '2026-03-29T12:30:00Z',
    ]);
  });
});

describe('what follows the clock on the wall', () => {
  it('goes on through an hour that comes twice', () => {
    expect(slots('*/30 * * * *', 'Europe/Berlin', '2026-10-25T00:00Z', '2026-10-25T02:00Z')).toHaveLength(4);
  });

  it('has nothing in a gap', () => {
    expect(slots('*/30 2 * * *', 'Europe/Berlin', '2026-03-29T00:00Z', '2026-03-29T12:00Z')).toEqual([]);
  });
});

test('an interval is of real time, whatever the clock on the wall does', () => {
  const every = { kind: 'every', every_seconds: 300, from: '2026-03-29T00:50:00Z' } as const;
  let at = Date.parse('2026-03-29T00:49:00Z');
  const found = Array.from({ length: 5 }, () => {
    at = slotAfter(every, 'Europe/Berlin', at)!;
    return slotName(at, 0).slice(11, 16);
  });
  expect(found).toEqual(['00:50', '00:55', '01:00', '01:05', '01:10']);
});

test('a one-time slot is due once', () => {
  const at = { kind: 'at', at: '2026-05-01T00:00:00Z' } as const;
  expect(slotAfter(at, 'UTC', Date.parse('2026-04-30T23:59:59.999Z'))).toBe(Date.parse(at.at));
  expect(slotAfter(at, 'UTC', Date.parse(at.at))).toBeNull();
});

test('cron expressions that are wrong are told in a sentence', () => {
  expect(cronProblem('0 2 * * 1-5')).toBeNull();
  expect(cronProblem('@daily')).toBeNull();
  expect(cronProblem('*/10 * * * * *')).toBeNull();
  expect(cronProblem('2026-05-01T00:00:00')).toContain('five fields');
  expect(cronProblem('0 25 * * *')).toMatch(/hour/i);
  expect(cronProblem('0 0 30 2 *')).toBe('is never due');
});

const NOW = Date.parse('2026-11-30T08:00:00Z');
test.each([
  ['02:00', 'Europe/Berlin', '2026-12-01T01:00:00Z'],
  ['09:30', 'Europe/Berlin', '2026-11-30T08:30:00Z'],
  ['23:15:30', 'UTC', '2026-11-30T23:15:30Z'],
  ['2026-12-24 18:00', 'America/New_York', '2026-12-24T23:00:00Z'],
  ['2026-12-24T18:00', 'Asia/Tokyo', '2026-12-24T09:00:00Z'],
  ['2026-12-24T18:00:00Z', 'Asia/Tokyo', '2026-12-24T18:00:00Z'],
  ['2026-12-24T18:00:00+01:00', 'Asia/Tokyo', '2026-12-24T17:00:00Z'],
  ['2020-01-01 00:00', 'UTC', '2020-01-01T00:00:00Z'],
  ['90m', 'UTC', '2026-11-30T09:30:00Z'],
  ['+ 1h30m', 'UTC', '2026-11-30T09:30:00Z'],
])('%s in %s is %s', (text, zone, time) => {
  expect(slotName(parseAt(text, zone, NOW)!, 0)).toBe(time);
});
test.each(['yesterday', '25:00', '', '90', '2026-13-01T00:00:00Z', 'tomorrow 2:00'])(
  '"%s" is no time',
  text => {
    expect(parseAt(text, 'UTC', NOW)).toBeNull();
  },
);

test('jitter is the same for the same slot, and spread over others', () => {
  const of = (slot: number) => jitterMs('a', slot, 60);
  expect(of(NOW)).toBe(of(NOW));
  const all = Array.from({ length: 200 }, (_, i) => of(NOW + i * 1000));
  expect(Math.min(...all)).toBeGreaterThanOrEqual(0);
  expect(Math.max(...all)).toBeLessThan(60_000);
  expect(Math.max(...all) - Math.min(...all)).toBeGreaterThan(50_000);
  expect(jitterMs('a', NOW, 0)).toBe(0);
});
