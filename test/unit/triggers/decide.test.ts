/** What follows from the state of a trigger: policies, one by one. */
import { describe, expect, test } from 'vitest';
import { advance, stamp } from '../../../src/triggers/advance.ts';
import { delivered, type Facts } from '../../../src/triggers/decide.ts';
import type { RunEnd } from '../../../src/triggers/event.ts';
import type { TriggerState } from '../../../src/triggers/state.ts';
import { viewOf } from '../../../src/triggers/view.ts';
import { aDefinition, aTrigger, moment } from '../../support/trigger-builder.ts';

const NOW = Date.parse('2026-11-30T08:00:00Z');
const MINUTE = 60_000;
const every = { kind: 'every', every_seconds: 60, from: new Date(NOW).toISOString() } as const;

/** A trigger, the tasks that it made, and a clock that goes on when it is told to. */
class Life {
  state: TriggerState;
  now: number;
  /** What the clock was set by since the machine started. */
  set = 0;
  boot = 'boot';
  hold: ReturnType<Facts['hold']> = null;
  readonly ends = new Map<string, RunEnd>();
  tasks = 0;

  constructor(when: Parameters<typeof aDefinition>[0], policy: Record<string, unknown> = {}, now = NOW) {
    this.now = now;
    this.state = aTrigger(aDefinition(when, policy), now);
  }

  get clock() {
    return moment(this.now, this.set, this.boot);
  }

  /** Somebody sets the clock. */
  setClock(ms: number) {
    this.now += ms;
    this.set += ms;
  }

  /** Goes on by `ms`, and carries out what is to be done at once. */
  go(ms = 0) {
    this.now += ms;
    for (;;) {
      const next = advance(this.state, {
        clock: this.clock,
        run: task => this.ends.get(task) ?? null,
        hold: () => this.hold,
        newTask: () => `t${++this.tasks}`,
        draining: false,
      });
      this.state = next.state;
      const submits = next.effects.filter(effect => effect.type === 'submit');
      for (const { slot, due } of submits)
        this.record({ type: 'slot_started', slot, late_ms: this.now - due > MINUTE ? this.now - due : 0 });
      if (submits.length === 0 && next.wake_ms !== 0) return next;
    }
  }

  record(...events: Parameters<typeof stamp>[1][number][]) {
    this.state = stamp(this.state, events, this.clock).state;
  }

  end(end: RunEnd, task = `t${this.tasks}`) {
    this.ends.set(task, end);
    return this.go();
  }

  get outcomes() {
    return this.state.receipts.map(({ outcome, count }) => (count > 1 ? `${outcome} ${count}` : outcome));
  }
}

test('an interval begins at once, and a slot is skipped while a run goes on', () => {
  const life = new Life(every);
  expect(life.go().wake_ms).toBe(NOW + MINUTE);
  life.go(MINUTE);
  life.go(MINUTE);
  expect(life.outcomes).toEqual(['started', 'skipped 2']);
  life.end('completed');
  life.go(MINUTE);
  expect(life.outcomes).toEqual(['started', 'skipped 2', 'started']);
});

test.each([
  ['one', ['started', 'joined 9', 'started']],
  ['none', ['started', 'missed 9', 'started']],
])('ten slots were passed over, catch_up %s', (catch_up, outcomes) => {
  const life = new Life(every, { catch_up });
  life.go();
  life.end('completed');
  life.go(10 * MINUTE);
  expect(life.outcomes).toEqual(outcomes);
});

test('ten slots were passed over, catch_up all: one after the other, late where they are', () => {
  const life = new Life(every, { catch_up: 'all' });
  life.go();
  life.end('completed');
  life.go(10 * MINUTE + 1);
  for (let i = 0; i < 10; i++) life.end('completed');
  expect(life.tasks).toBe(11);
  expect(life.outcomes).toEqual(['started', ...Array(9).fill('late'), 'started']);
});

test('what is later than max_late is missed', () => {
  const life = new Life(every, { catch_up: 'all', max_late_seconds: 150, overlap: 'parallel' });
  life.go();
  life.go(10 * MINUTE);
  expect(life.outcomes.slice(0, 2)).toEqual(['started', 'missed 7']);
  expect(life.tasks).toBe(4);
});

test('a queue is worked off in order, and full it takes no more', () => {
  const life = new Life({ kind: 'webhook' }, { overlap: 'queue' });
  for (let i = 0; i < 105; i++) {
    life.record(...delivered(life.state, { slot: `s${i}`, due: life.now, payload: null, changed: null }));
    life.go();
  }
  expect(life.state.queue).toHaveLength(100);
  expect(life.outcomes).toEqual(['started', 'joined', 'joined', 'joined', 'joined']);
  expect(life.state.receipts.at(-1)).toMatchObject({ into: 's100', reason: 'the queue is full' });
  life.end('completed');
  expect(life.state.runs.map(({ slot }) => slot)).toEqual(['s0', 's1']);
});

test('replace cancels the run, and keeps the newest slot alone', () => {
  const life = new Life(every, { overlap: 'replace' });
  life.go();
  expect(life.go(MINUTE).effects).toContainEqual({ type: 'cancel', task: 't1' });
  life.go(MINUTE);
  expect(life.state.queue).toHaveLength(1);
  life.end('cancelled', 't1');
  expect(life.outcomes).toEqual(['started', 'joined', 'started']);
});

test('replace keeps the newest alone of a queue that was made under another policy', () => {
  const life = new Life({ kind: 'webhook' }, { overlap: 'queue' });
  const deliver = (slot: string) => {
    life.record(...delivered(life.state, { slot, due: life.now, payload: null, changed: null }));
    life.go();
  };
  for (const slot of ['s0', 's1', 's2']) deliver(slot);
  life.record({
    type: 'trigger_edited',
    definition: aDefinition({ kind: 'webhook' }, { overlap: 'replace' }),
  });
  deliver('s3');
  expect(life.state.queue.map(({ slot }) => slot)).toEqual(['s3']);
  expect(life.outcomes).toEqual(['started', 'joined', 'joined']);
});

test('while nothing may begin the slot waits, and is late then; with catch_up none it is skipped, with the reason', () => {
  const until_ms = NOW + 30 * MINUTE;
  const life = new Life({ kind: 'cron', cron: '5 * * * *' });
  life.hold = { until_ms, reason: 'quiet hours' };
  expect(life.go(6 * MINUTE).wake_ms).toBe(until_ms);
  expect(life.outcomes).toEqual([]);
  life.hold = null;
  life.go(24 * MINUTE);
  expect(life.outcomes).toEqual(['late']);
  const other = new Life({ kind: 'cron', cron: '5 * * * *' }, { catch_up: 'none' });
  other.hold = { until_ms, reason: 'quiet hours' };
  other.go(6 * MINUTE);
  expect(other.state.receipts).toMatchObject([{ outcome: 'skipped', reason: 'quiet hours' }]);
});

test('no success for too long is an alarm, once, and again only after a success', () => {
  const life = new Life(every, { expect_within_seconds: 150, pause_after: null });
  const alarms = (ms: number) => {
    const notices = life.go(ms).effects.filter(({ type }) => type === 'notify');
    for (const effect of notices)
      if (effect.type === 'notify')
        life.record({ type: 'notified', key: effect.key, ok: true, detail: null });
    return notices.length;
  };
  expect(alarms(0)).toBe(0);
  life.end('failed');
  expect(alarms(3 * MINUTE)).toBe(1);
  expect(viewOf(life.state, life.now).overdue).toBe(true);
  expect(alarms(MINUTE)).toBe(0);
  life.end('completed');
  expect(viewOf(life.state, life.now).overdue).toBe(false);
  expect(alarms(3 * MINUTE)).toBe(1);
});

test('a notice that could not be sent is tried again later, three times', () => {
  const life = new Life(every, { pause_after: 1 });
  life.go();
  let tries = 0;
  let next = life.end('failed');
  for (let i = 0; i < 10; i++) {
    for (const effect of next.effects)
      if (effect.type === 'notify') {
        tries++;
        life.record({ type: 'notified', key: effect.key, ok: false, detail: 'no network' });
      }
    next = life.go(10 * MINUTE);
  }
  expect(tries).toBe(3);
});

test('a clock that was set back: an interval goes on, as new slots', () => {
  const life = new Life(every);
  life.go();
  life.end('completed');
  const [first] = life.state.receipts;
  life.go(-24 * 60 * MINUTE);
  life.go(MINUTE);
  life.end('completed');
  life.go(24 * 60 * MINUTE);
  const slots = life.state.receipts.map(({ slot }) => slot);
  expect(new Set(slots).size).toBe(slots.length);
  expect(slots[0]).toBe(first!.slot);
  expect(life.state.turn).toBe(1);
});

test('what fell due while it was paused is skipped when it goes on', () => {
  const life = new Life(every);
  life.go();
  life.end('completed');
  life.record({ type: 'trigger_paused', by: 'user', reason: 'asked for' });
  expect(life.go(10 * MINUTE).wake_ms).toBeNull();
  life.record({ type: 'trigger_resumed' });
  life.go();
  expect(life.state.receipts.at(-1)).toMatchObject({
    outcome: 'skipped',
    count: 10,
    reason: 'the trigger was paused',
  });
});

test('finished runs beyond keep are released, those that go on never', () => {
  const life = new Life(every, { keep: 1, overlap: 'parallel' });
  life.go();
  life.go(MINUTE);
  life.go(MINUTE);
  life.end('completed', 't1');
  const { effects } = life.end('completed', 't2');
  expect(effects).toContainEqual({ type: 'release', task: 't1' });
  expect(effects).toHaveLength(1);
});

describe('a clock that is years wrong', () => {
  const YEARS = 7 * 366 * 24 * 60 * MINUTE;
  const inTwoHours = () =>
    new Life({ kind: 'at', at: new Date(NOW + 120 * MINUTE).toISOString(), in_seconds: 7200 });
  const left = (life: Life, next = life.go()) => next.wake_ms! - life.now;

  test.each([
    ['ahead, and is put right', -YEARS],
    ['behind, and is put right', YEARS],
  ])('%s: what was asked for in two hours comes in two hours', (_what, ms) => {
    const life = inTwoHours();
    life.go(30 * MINUTE);
    life.setClock(ms);
    expect(left(life)).toBe(90 * MINUTE);
    life.go(90 * MINUTE);
    expect(life.outcomes).toEqual(['started']);
    expect(life.state.receipts[0]).toMatchObject({ late_ms: 0 });
  });

  test('ahead, and right after the machine was started again: never longer than was meant', () => {
    const life = inTwoHours();
    life.go(30 * MINUTE);
    Object.assign(life, { now: life.now - YEARS, set: 0, boot: 'another' });
    expect(left(life)).toBe(120 * MINUTE);
    life.go(120 * MINUTE);
    expect(life.outcomes).toEqual(['started']);
  });

  test('behind, and right after the machine was started again: the receipt says how late it is', () => {
    const life = inTwoHours();
    life.go(30 * MINUTE);
    Object.assign(life, { now: life.now + YEARS, set: 0, boot: 'another' });
    expect(life.go().wake_ms).toBeNull();
    expect(life.outcomes).toEqual(['missed']);
    expect(life.state.receipts[0]!.reason).toMatch(/^it was more than \d+ s late$/);
    expect(life.state.status).toBe('finished');
  });

  test('a time of day stays that time of day', () => {
    const life = new Life({ kind: 'at', at: new Date(NOW + 120 * MINUTE).toISOString() });
    life.go();
    life.setClock(60 * MINUTE);
    expect(left(life)).toBe(60 * MINUTE);
  });

  test('a slot that waits for its turn is not dropped as late', () => {
    const life = new Life({ kind: 'webhook' }, { overlap: 'queue' });
    const slot = (name: string) => ({ slot: name, due: life.now, payload: null, changed: null });
    life.record(...delivered(life.state, slot('delivery:1')));
    life.go();
    life.record(...delivered(life.state, slot('delivery:2')));
    life.setClock(YEARS);
    life.go();
    life.end('completed');
    expect(life.outcomes).toEqual(['started', 'started']);
  });

  test('what was paused and resumed under it is due again when it is right', () => {
    const life = new Life(every);
    life.setClock(YEARS);
    life.go();
    life.record({ type: 'trigger_paused', by: 'user', reason: 'asked for' });
    life.record({ type: 'trigger_resumed' });
    life.end('completed');
    life.setClock(-YEARS);
    life.go();
    const { started } = life.state.counts;
    life.go(2 * MINUTE);
    expect(life.state.counts.started).toBe(started + 1);
  });

  test('an interval that was made under it goes on when it is right, one that was to begin later begins then', () => {
    const now = NOW + YEARS;
    const from = (ms: number) => ({ ...every, from: new Date(ms).toISOString() });
    const life = new Life(from(now), {}, now);
    life.go();
    life.end('completed');
    life.setClock(-YEARS);
    expect(left(life)).toBeLessThanOrEqual(MINUTE);
    life.go(MINUTE);
    expect(life.outcomes).toEqual(['started', 'started']);

    const later = new Life(from(NOW + 120 * MINUTE));
    later.go();
    later.setClock(-60 * MINUTE);
    expect(left(later)).toBe(180 * MINUTE);
  });

  test('no success is an alarm in its time again when it is right', () => {
    const life = new Life(every, { expect_within_seconds: 3600 });
    life.setClock(YEARS);
    life.go();
    life.end('completed');
    life.setClock(-YEARS);
    life.go();
    expect(viewOf(life.state, life.now + 61 * MINUTE).overdue).toBe(true);
  });

  test('another time can be set when it is right', () => {
    const life = inTwoHours();
    life.setClock(YEARS);
    life.go(3 * 60 * MINUTE);
    life.end('completed');
    life.setClock(-YEARS);
    const when = { kind: 'at', at: new Date(life.now + MINUTE).toISOString() } as const;
    life.record({ type: 'trigger_edited', definition: aDefinition(when) });
    expect(left(life)).toBe(MINUTE);
  });

  test('years of an interval are passed over at once', () => {
    const life = new Life(every);
    life.setClock(YEARS);
    life.go();
    expect(life.state.counts.started).toBe(1);
    expect(life.state.seq).toBeLessThan(50);
  });
});
