/** Quiet hours: which times are quiet, until when, over midnight and where the clocks are changed; what they hold back. */
import { describe, expect, it, test } from 'vitest';
import { taskSpec } from '../../../src/contract/spec.ts';
import { quietEnd } from '../../../src/engine/quiet-hours.ts';
import { planOf, specOf } from '../../support/task-builder.ts';
import { Engine } from './engine.ts';

const BERLIN = 'Europe/Berlin';
const end = (ranges: string[], t: string, zone = BERLIN) =>
  new Date(quietEnd(ranges, Date.parse(t), zone)).toISOString();

describe('the end of quiet hours', () => {
  it.each([
    // 08:00 to 18:00 in winter: 07:00Z to 17:00Z.
    ['2026-01-27T06:59:59.999Z', '2026-01-27T06:59:59.999Z'],
    ['2026-01-27T07:00:00.000Z', '2026-01-27T17:00:00.000Z'],
    ['2026-01-27T12:34:56.789Z', '2026-01-27T17:00:00.000Z'],
    ['2026-01-27T17:00:00.000Z', '2026-01-27T17:00:00.000Z'],
    // And in summer.
    ['2026-07-27T06:00:00.000Z', '2026-07-27T16:00:00.000Z'],
  ])('08:00-18:00 at %s is %s', (t, at) => {
    expect(end(['08:00-18:00'], t)).toBe(at);
  });
  it('is on the next day, over midnight', () => {
    expect(end(['22:30-06:00'], '2026-01-27T21:30:00.000Z')).toBe('2026-01-28T05:00:00.000Z');
    expect(end(['22:30-06:00'], '2026-01-28T04:59:00.000Z')).toBe('2026-01-28T05:00:00.000Z');
    expect(end(['22:30-06:00'], '2026-01-28T12:00:00.000Z')).toBe('2026-01-28T12:00:00.000Z');
  });
  it('is that of the last of several that touch', () => {
    expect(end(['08:00-12:00', '12:00-13:00', '12:30-20:00'], '2026-01-27T08:00:00.000Z')).toBe(
      '2026-01-27T19:00:00.000Z',
    );
  });
  it('is an hour sooner in the night in which one is left out', () => {
    // 2026-03-29: 02:00 is followed by 03:00.
    expect(end(['23:00-06:00'], '2026-03-28T23:00:00.000Z')).toBe('2026-03-29T04:00:00.000Z');
  });
  it('is an hour later in the night in which one comes twice', () => {
    // 2026-10-25: 03:00 is followed by 02:00.
    expect(end(['23:00-06:00'], '2026-10-24T22:00:00.000Z')).toBe('2026-10-25T05:00:00.000Z');
  });
  it('is there at once where the end is a time that is left out', () => {
    const at = Date.parse(end(['01:00-02:30'], '2026-03-29T00:30:00.000Z'));
    expect(at).toBeGreaterThan(Date.parse('2026-03-29T00:30:00.000Z'));
    expect(at).toBeLessThanOrEqual(Date.parse('2026-03-29T01:30:00.000Z'));
  });
  it('is asked for by whoever waits until it is true: every minute of a year ends within a day', () => {
    const from = Date.parse('2026-01-01T00:00:00.000Z');
    for (let ms = from; ms < from + 366 * 86_400_000; ms += 37 * 60_000) {
      const at = quietEnd(['22:00-06:00'], ms, BERLIN);
      expect(at - ms).toBeGreaterThanOrEqual(0);
      expect(at - ms).toBeLessThanOrEqual(9 * 3_600_000);
      expect(quietEnd(['22:00-06:00'], at, BERLIN)).toBe(at);
    }
  });
});

test.each([
  ['8-18', 'is no range'],
  ['08:00-08:00', 'is no range'],
  ['25:00-26:00', 'is no range'],
])('%s is refused', (range, words) => {
  const refused = taskSpec.safeParse({ ...specOf(), limits: { quiet_hours: [range] } });
  expect(refused.error?.message).toContain(words);
});

test('ranges that leave nothing are refused', () => {
  const all = { quiet_hours: ['00:00-12:00', '12:00-00:00'] };
  const refused = taskSpec.safeParse({ ...specOf(), limits: all });
  expect(refused.error?.message).toContain('leave nothing of the day');
});

describe('a task in quiet hours', () => {
  /** The engine begins at 08:00Z. */
  const spec = (quiet_hours: string[]) =>
    specOf({ time_zone: 'UTC', gates: [], limits: { quiet_hours, session_delay_seconds: 0 } });

  it('waits with its first session, says so, and goes on by itself', () => {
    const engine = new Engine(spec(['07:00-09:30']), planOf(['a']));
    engine.look();
    expect(engine.state.status).toMatchObject({
      name: 'waiting',
      why: 'quiet_hours',
      resume_at: '2026-01-27T09:30:00.000Z',
    });
    engine.run();
    expect(engine.state.status.name).toBe('completed');
    const created = engine.events.find(e => e.type === 'attempt_created')!;
    expect(Date.parse(created.t)).toBeGreaterThanOrEqual(Date.parse('2026-01-27T09:30:00.000Z'));
  });
  it('runs its commands, and the session that has begun', () => {
    const command = { id: 'b', do: { run: ['true'] } };
    const engine = new Engine(spec(['07:00-09:30']), planOf([command, 'a']));
    engine.run(state => state.status.name === 'waiting');
    expect(engine.step('b').status).toBe('completed');

    const long = new Engine(spec(['08:30-09:30']), planOf(['a', 'b']), { work: { a: [{ hangs: true }] } });
    long.run(() => long.step('a').attempt?.phase === 'running');
    long.now = Date.parse('2026-01-27T08:40:00Z');
    // It is silent for too long and stopped for that; the next one waits.
    long.run(state => state.status.name === 'waiting');
    expect(long.step('a').history[0]!.outcome).not.toBe('killed');
    expect(long.state.status).toMatchObject({ why: 'quiet_hours', resume_at: '2026-01-27T09:30:00.000Z' });
  });
  it('does not begin when a limit ends in the middle of them', () => {
    const retry_at = '2026-01-27T08:10:00.000Z';
    const limit = { claim: { status: 'limit' as const, retry_at } };
    const limits = { quiet_hours: ['08:05-10:00'], wait: true };
    const engine = new Engine(specOf({ time_zone: 'UTC', gates: [], limits }), planOf(['a']), {
      work: { a: [limit, {}] },
    });
    engine.run(state => state.status.name === 'waiting');
    expect(engine.state.status).toMatchObject({ why: 'limit', resume_at: '2026-01-27T10:00:00.000Z' });
    engine.run();
    const second = engine.events.filter(e => e.type === 'attempt_created')[1]!;
    expect(Date.parse(second.t)).toBeGreaterThanOrEqual(Date.parse('2026-01-27T10:00:00.000Z'));
    expect(engine.state.status.name).toBe('completed');
  });
});
