/** The table of task-model 4: what follows a failed attempt. */
import { describe, expect, it } from 'vitest';
import type { Claim } from '../../../src/contract/event.ts';
import type { Outcome } from '../../../src/contract/status.ts';
import { LIMIT_RETRY } from '../../../src/engine/limit-policy.ts';
import { allowanceOf, exhaustionOf, RETRY, verdictOf } from '../../../src/engine/retry.ts';
import { stepOf } from '../../../src/engine/state.ts';
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
  const HOUR = 60 * MINUTE;
  const waits = (limits: object = {}) => build({ id: 'a' }, { wait: true, ...limits });
  const until = (ms: number) => ({ retry_at: new Date(NOW + ms).toISOString() });
  /** What the blocked task says. */
  const words = (task: TaskBuilder, claim?: Partial<Claim>) => {
    task.begin('a').end('a', { outcome: 'limit', ...(claim ? { claim } : {}) });
    const step = stepOf(task.state, 'a');
    return verdictOf(task.state, step, step.attempt!, 'limit', 'why', NOW).block?.message;
  };

  it('is a matter of a person where nobody allowed waiting, and says until when', () => {
    expect(verdict(build(), 'limit', until(3 * HOUR))).toEqual({ ms: null, wait: null, why: 'budget' });
    const zone = { time_zone: 'Asia/Tokyo' };
    const task = new TaskBuilder(specOf({ workspace: { kind: 'folder' }, gates: [], ...zone }))
      .claimed()
      .plan(['a'])
      .started();
    const id = task.state.id;
    expect(words(task, until(3 * HOUR))).toBe(
      `a, attempt 1: usage limit until 08:00 (in 3h); \`rasen resume ${id}\` after that, or \`limits: {wait: true}\` to have it waited for`,
    );
    expect(words(build())).toContain('attempt 1: usage limit; `rasen resume');
  });
  it('waits until the stated end, and not to the second', () => {
    const verdicts = [1, 2, 3, 4].map(n => {
      const task = waits({ max_waits: 100 });
      // The nonce of the attempt tells.
      for (let i = 1; i < n; i++) ended(task, 'killed');
      return verdict(task, 'limit', { status: 'limit', ...until(3 * HOUR) });
    });
    for (const { ms, wait, why } of verdicts) {
      expect([wait, why]).toEqual(['limit', null]);
      expect(ms).toBeGreaterThanOrEqual(3 * HOUR);
      expect(ms).toBeLessThan(3 * HOUR + LIMIT_RETRY.jitter_ms);
    }
    expect(new Set(verdicts.map(({ ms }) => ms)).size).toBe(4);
  });
  it('tries soon when the stated end is over, but not again and again', () => {
    const over = until(-1);
    expect(verdict(waits(), 'limit', over)).toMatchObject({ ms: 1000, wait: 'limit' });
    expect(verdict(ended(waits(), 'limit'), 'limit', over).ms).toBe(30 * MINUTE);
  });
  it('does not wait for longer than it may, and says until when it would have been', () => {
    expect(verdict(waits(), 'limit', until(27 * HOUR)).why).toBe('budget');
    expect(verdict(waits({ max_wait_seconds: 28 * 3600 }), 'limit', until(27 * HOUR)).wait).toBe('limit');
    expect(words(waits(), until(27 * HOUR))).toContain(
      '(in 1d 3h), which is too long to wait (limits.max_wait is 1d 2h)',
    );
    expect(words(waits(), { retry_at: '2099-01-01T00:00:00Z' })).toContain('until 2099-01-01 ');
  });
  it('counts the waits of a row together', () => {
    const task = ended(waits({ max_wait_seconds: 2 * 3600 }), 'limit');
    const since = Date.parse(stepOf(task.state, 'a').history[0]!.ended_at);
    expect(
      verdict(task, 'limit', { retry_at: new Date(since + 3 * HOUR).toISOString() }, since + HOUR).why,
    ).toBe('budget');
    const again = ended(waits({ max_wait_seconds: 2 * 3600 }), 'limit');
    // Half an hour by its steps, of which only ten minutes are left.
    expect(verdict(again, 'limit', undefined, since + 110 * MINUTE).ms).toBe(10 * MINUTE);
    const last = ended(waits({ max_wait_seconds: 2 * 3600 }), 'limit');
    expect(verdict(last, 'limit', undefined, since + 2 * HOUR).why).toBe('budget');
  });
  it.each([
    [0, 15],
    [1, 30],
    [2, 60],
    [5, 60],
  ])('after %i waits it waits %i minutes', (before, minutes) => {
    expect(verdict(ended(waits(), ...times(before, 'limit' as const)), 'limit').ms).toBe(minutes * MINUTE);
  });
  it('is a matter of a person after as many as may be', () => {
    expect(verdict(ended(waits(), ...times(6, 'limit' as const)), 'limit').why).toBe('budget');
    expect(verdict(ended(waits({ max_waits: 7 }), ...times(6, 'limit' as const)), 'limit').why).toBeNull();
    expect(verdict(ended(waits({ max_waits: 1 }), 'limit'), 'limit').why).toBe('budget');
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
      const next = verdict(ended(build(), ...times(before, outcome)), outcome);
      expect([next.wait, next.why]).toEqual([outcome, null]);
      expect(next.ms).toBeGreaterThanOrEqual(ms);
      expect(next.ms).toBeLessThan(ms * 1.1);
    }
  });
  it('is not waited for to the same second by every task', () => {
    const one = ended(build());
    one.begin('a').end('a', { outcome: 'overloaded' });
    const step = stepOf(one.state, 'a');
    const attempts = Array.from({ length: 20 }, (_, i) => ({ ...step.attempt!, nonce: `nonce-${i}` }));
    const at = attempts.map(attempt => verdictOf(one.state, step, attempt, 'overloaded', null, NOW).retry_at);
    expect(new Set(at).size).toBeGreaterThan(10);
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
