/** The table of task-model 4: what follows a failed attempt. */
import { describe, expect, it } from 'vitest';
import type { Claim } from '../../../src/task/event.ts';
import { allowanceOf, exhaustionOf, RETRY, verdictOf } from '../../../src/task/retry.ts';
import { stepOf } from '../../../src/task/state.ts';
import type { Outcome } from '../../../src/task/status.ts';
import { type SubtaskDraft, specOf, TaskBuilder } from '../../support/task-builder.ts';

const NOW = Date.parse('2026-01-27T20:00:00Z');
const MINUTE = 60_000;

const build = (draft: SubtaskDraft = { id: 'a' }, limits: object = {}) =>
  new TaskBuilder(specOf({ workspace: { kind: 'folder' }, gates: [], limits }))
    .claimed()
    .plan([draft, 'b'])
    .started();
const COMMAND = { id: 'a', do: { run: ['true'] } };

/** Attempts of `a` that ended so, one after the other. */
function ended(task: TaskBuilder, ...outcomes: Outcome[]): TaskBuilder {
  for (const outcome of outcomes) task.begin('a').end('a', { outcome }).close('a', outcome);
  return task;
}

/** The verdict on the next attempt. */
function verdict(task: TaskBuilder, outcome: Outcome, claim?: Partial<Claim>, now: number = NOW) {
  task.begin('a').end('a', { outcome, ...(claim ? { claim } : {}) });
  const step = stepOf(task.state, 'a');
  const { retry_at, wait, block } = verdictOf(task.state, step, step.attempt!, outcome, 'why', now);
  return { ms: retry_at === null ? null : Date.parse(retry_at) - now, wait, why: block?.why ?? null };
}
const times = <T>(n: number, value: T): T[] => Array.from({ length: n }, () => value);

describe('limit', () => {
  it('waits until the stated end', () => {
    const retry_at = new Date(NOW + 3 * 3_600_000).toISOString();
    expect(verdict(build(), 'limit', { status: 'limit', retry_at })).toEqual({
      ms: 3 * 3_600_000,
      wait: 'limit',
      why: null,
    });
  });
  it('tries soon when the stated end is over', () => {
    expect(verdict(build(), 'limit', { retry_at: new Date(NOW - 1).toISOString() })).toMatchObject({
      ms: 1000,
      wait: 'limit',
    });
  });
  it('does not wait for years', () => {
    expect(verdict(build(), 'limit', { retry_at: '2099-01-01T00:00:00Z' }).ms).toBe(
      RETRY.limit_stated_max_ms,
    );
  });
  it.each([
    [0, 15],
    [1, 30],
    [2, 60],
    [5, 60],
  ])('after %i waits it waits %i minutes', (before, minutes) => {
    expect(verdict(ended(build(), ...times(before, 'limit' as const)), 'limit').ms).toBe(minutes * MINUTE);
  });
  it('is a matter of a person after six', () => {
    expect(verdict(ended(build(), ...times(6, 'limit' as const)), 'limit').why).toBe('budget');
  });
});

describe('overloaded and network', () => {
  it.each([
    [0, 10_000],
    [1, 20_000],
    [7, 5 * MINUTE],
    [8, 15 * MINUTE],
  ])('after %i of them the next is in %i ms', (before, ms) => {
    for (const outcome of ['overloaded', 'network'] as const) {
      expect(verdict(ended(build(), ...times(before, outcome)), outcome)).toEqual({
        ms,
        wait: outcome,
        why: null,
      });
    }
  });
  it('ends after a day of them', () => {
    expect(verdict(ended(build(), ...times(RETRY.passing_total, 'network' as const)), 'network').why).toBe(
      'config',
    );
  });
  it('ends also when attempts are lost in between', () => {
    const task = build();
    for (let i = 0; i < RETRY.passing_total; i++)
      ended(task, 'network', ...(i % 60 === 59 ? (['lost'] as const) : []));
    expect(stepOf(task.state, 'a').passing).toBe(RETRY.passing_total);
    expect(verdict(task, 'network').why).toBe('config');
  });
});

describe('a person is asked', () => {
  it.each([
    ['auth', 'auth'],
    ['startup', 'config'],
    ['budget', 'budget'],
  ] as const)('at once: %s', (outcome, why) => {
    expect(verdict(build(), outcome)).toEqual({ ms: null, wait: null, why });
  });
  it('when the agent asks twice', () => {
    expect(verdict(build(), 'asked').why).toBeNull();
    expect(verdict(ended(build(), 'asked'), 'asked').why).toBe('question');
  });
  it('not when it asks after a limit', () => {
    expect(verdict(ended(build(), 'limit'), 'asked').why).toBeNull();
  });
  it('when the context is too small twice', () => {
    expect(verdict(build(), 'context').why).toBeNull();
    expect(verdict(ended(build(), 'context'), 'context').why).toBe('attempts');
  });
  it('when three attempts in a row are lost', () => {
    expect(verdict(build(), 'lost')).toEqual({ ms: null, wait: null, why: null });
    expect(verdict(ended(build(), 'lost'), 'lost').ms).toBe(2000);
    const soon = (task: TaskBuilder) => Date.parse(stepOf(task.state, 'a').history[0]!.ended_at) + 9 * MINUTE;
    const twice = ended(build(), 'lost', 'lost');
    expect(verdict(twice, 'lost', undefined, soon(twice)).why).toBe('config');
    const late = ended(build(), 'lost', 'lost');
    expect(verdict(late, 'lost', undefined, soon(late) + 2 * MINUTE).why).toBeNull();
    const between = ended(build(), 'lost', 'failed', 'lost');
    expect(verdict(between, 'lost', undefined, soon(between)).why).toBeNull();
  });
  it('not when the machine went down with them', () => {
    const task = build();
    for (let boot = 0; boot < 5; boot++) {
      task.begin('a').end('a', { outcome: 'lost' }).claimed(`boot-${boot}`);
      const step = stepOf(task.state, 'a');
      expect(verdictOf(task.state, step, step.attempt!, 'lost', 'why', NOW).block).toBeNull();
      task.close('a', 'lost');
    }
    expect(stepOf(task.state, 'a').lost).toBe(0);
  });
});

describe('what counts', () => {
  it.each(['failed', 'timeout', 'stalled', 'flood'] as const)(
    '%s of an agent: again after the session delay',
    outcome => {
      expect(verdict(build({ id: 'a' }, { session_delay_seconds: 7 }), outcome)).toEqual({
        ms: 7000,
        wait: null,
        why: null,
      });
    },
  );
  it('backs off with commands', () => {
    const draft = { ...COMMAND, attempts: 20 };
    expect(verdict(build(draft), 'failed').ms).toBe(1000);
    expect(verdict(ended(build(draft), 'failed', 'failed'), 'failed').ms).toBe(4000);
    expect(verdict(ended(build(draft), ...times(9, 'failed' as const)), 'failed').ms).toBe(
      RETRY.command_max_ms,
    );
  });
  it('allows what plan and limits allow', () => {
    const of = (draft: SubtaskDraft, limits = {}) => {
      const { state } = build(draft, limits);
      return allowanceOf(state, stepOf(state, 'a'));
    };
    expect(of({ id: 'a' })).toBe(5);
    expect(of({ id: 'a' }, { attempts: 2 })).toBe(2);
    expect(of({ id: 'a', attempts: 3 })).toBe(3);
    expect(of(COMMAND)).toBe(1);
  });
  it('is used up by failures and by nothing that passes', () => {
    const task = ended(build({ id: 'a', attempts: 2 }), 'failed', 'limit', 'network', 'asked', 'lost');
    expect(exhaustionOf(task.state, stepOf(task.state, 'a'))).toBeNull();
    ended(task, 'timeout');
    expect(exhaustionOf(task.state, stepOf(task.state, 'a'))).toMatch(/2 attempts, the last: timeout/);
  });
  it('on_lost: fail', () => {
    const task = ended(build({ ...COMMAND, on_lost: 'fail' }), 'lost');
    expect(exhaustionOf(task.state, stepOf(task.state, 'a'))).toMatch(/on_lost is "fail"/);
  });
});
