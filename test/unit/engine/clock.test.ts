/** What a wall clock that moves does to a task. Each jump is seen by the event before it and the clocks now. */
import { describe, expect, it } from 'vitest';
import { jumpSince, type Reading } from '../../../src/engine/clock.ts';
import { LIMIT_RETRY } from '../../../src/engine/limit-policy.ts';
import { stepOf, type TaskState } from '../../../src/engine/state.ts';
import { specOf, TaskBuilder } from '../../support/task-builder.ts';

const MINUTE = 60_000;
const HOUR = 60 * MINUTE;
const DAY = 24 * HOUR;

/** The clocks some time after the last event; `set`, `slept`: what happened meanwhile besides. */
function later(state: TaskState, ms: number, { set = 0, slept = 0, boot = 'b' } = {}): Reading {
  const wall = Date.parse(state.updated_at) + ms + slept + set;
  const mono = Date.parse(state.updated_at) - state.clock_offset_ms! + ms;
  return { t: new Date(wall).toISOString(), mono, boot, ...(slept > 0 ? { slept } : {}) };
}

function waiting(wait: 'overloaded' | 'limit', ms: number): TaskBuilder {
  const task = new TaskBuilder(specOf({ workspace: { kind: 'folder' }, gates: [] }))
    .claimed()
    .plan(['a'])
    .started()
    .begin('a')
    .end('a', { outcome: wait });
  const retry_at = new Date(task.now + 1000 + ms).toISOString();
  return task.close('a', wait, { retry_at, wait });
}

/** How long step a still waits, from the moment of the jump. */
function left(task: TaskBuilder, reading: Reading): number {
  const jump = jumpSince(task.state, reading)!;
  const moved = task.wait(Date.parse(reading.t) - task.now - 1000).add(jump).state;
  return Date.parse(stepOf(moved, 'a').retry_at!) - Date.parse(reading.t);
}

describe('a wait that is left alone for four seconds', () => {
  it.each([
    ['back by a day', { set: -DAY }, 6000],
    ['back by an hour', { set: -HOUR }, 6000],
    ['ahead by a day', { set: DAY }, 6000],
    ['ahead by three seconds', { set: 3000 }, 6000],
    ['ahead by sleep of five seconds', { slept: 5000 }, 1000],
  ])('the clock goes %s', (_what, how, expected) => {
    const task = waiting('overloaded', 10_000);
    expect(left(task, later(task.state, 4000, how))).toBe(expected);
  });

  it('is what was left of it after a restart of a machine whose clock is behind', () => {
    const task = waiting('overloaded', 10_000);
    expect(left(task, later(task.state, 0, { set: -DAY, boot: 'other' }))).toBe(10_000);
  });

  it('says nothing where nobody set the clock, or nobody can know', () => {
    const { state } = waiting('overloaded', 10_000);
    expect(jumpSince(state, later(state, 4000))).toBeNull();
    expect(jumpSince(state, later(state, 4000, { set: 1500 }))).toBeNull();
    expect(jumpSince(state, later(state, 4000, { set: DAY, boot: 'other' }))).toBeNull();
  });
});

describe('a clock that is years wrong where the wait begins', () => {
  const YEARS = 7 * 366 * DAY;
  it.each(['overloaded', 'limit'] as const)('%s: right while the machine runs, it waits as long', kind => {
    for (const set of [-YEARS, YEARS]) {
      const task = waiting(kind, 10 * MINUTE);
      expect(left(task, later(task.state, 4 * MINUTE, { set }))).toBe(6 * MINUTE);
    }
  });

  it.each(['overloaded', 'limit'] as const)(
    '%s: right after a start of the machine, it waits no longer',
    kind => {
      const ahead = waiting(kind, 10 * MINUTE);
      expect(left(ahead, later(ahead.state, 0, { set: -YEARS, boot: 'other' }))).toBe(10 * MINUTE);
      // Nobody knows how long the machine was off: the time has come.
      const behind = waiting(kind, 10 * MINUTE).state;
      const now = later(behind, 0, { set: YEARS, boot: 'other' });
      expect(jumpSince(behind, now)).toBeNull();
      expect(Date.parse(stepOf(behind, 'a').retry_at!)).toBeLessThan(Date.parse(now.t));
    },
  );
});

describe('the end of a usage limit', () => {
  it('is neither farther nor over when the clock is set', () => {
    const limit = () => waiting('limit', 5 * HOUR);
    for (const set of [-DAY, -HOUR])
      expect(left(limit(), later(limit().state, HOUR, { set }))).toBe(4 * HOUR);
    const [soonest] = LIMIT_RETRY.steps_ms;
    expect(left(limit(), later(limit().state, HOUR, { set: DAY }))).toBe(soonest);
    expect(left(limit(), later(limit().state, HOUR, { set: HOUR }))).toBe(3 * HOUR);
    const short = () => waiting('limit', 5 * MINUTE);
    expect(left(short(), later(short().state, MINUTE, { set: DAY }))).toBe(4 * MINUTE);
  });

  it('comes nearer in sleep', () => {
    const task = waiting('limit', 5 * HOUR);
    expect(left(task, later(task.state, 0, { slept: 4 * HOUR }))).toBe(HOUR);
  });
});

it('a journal that does not say which part was sleep takes what went ahead for it', () => {
  const task = waiting('overloaded', 10_000);
  const { retry_at } = stepOf(task.state, 'a');
  task.add({ type: 'clock_jumped', ms: HOUR });
  expect(stepOf(task.state, 'a').retry_at).toBe(retry_at);
});

it('what rests until a person asks is not told of clocks', () => {
  const task = waiting('overloaded', 10_000).add({ type: 'task_interrupted', by: 'user' });
  expect(jumpSince(task.state, later(task.state, 0, { set: DAY }))).toBeNull();
});
