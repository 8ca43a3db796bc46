/** A judge that cannot judge: the work is kept and waits for it, and the coder is left in peace. */
import { describe, expect, it } from 'vitest';
import type { EventOf, EventType } from '../../../src/contract/event.ts';
import { LOGIN_TRIES } from '../../../src/engine/login.ts';
import { planOf, specOf } from '../../support/task-builder.ts';
import { Engine, type Judge, type Script } from './engine.ts';

const HOUR = 3_600_000;
const OFF = { enabled: false, per_subtask: false, max_loops: 3, recurring_issue_threshold: 3 };
const REVIEW = { ...OFF, enabled: true, per_subtask: true };
const start = (review: NonNullable<Script['gates']>[string], limits: object = {}, work = {}) =>
  new Engine(specOf({ gates: [], time_zone: 'UTC', review: REVIEW, qa: OFF, limits }), planOf(['a']), {
    work: { a: [work] },
    gates: { review },
  });
const unable = (why: Judge['unable'], more: Partial<Judge> = {}): Judge => ({
  approves: false,
  unable: why!,
  ...more,
});
const of = <T extends EventType>(engine: Engine, type: T) =>
  engine.events.filter(e => e.type === type) as EventOf<T>[];
const coders = (engine: Engine) => engine.started.filter(job => !job.includes('gates'));

describe('a judge that is not logged in', () => {
  it('is asked again every ten minutes, and nobody else', () => {
    const engine = start([unable('auth'), unable('auth'), 'approved']);
    const from = engine.now;
    engine.run(state => state.status.name === 'blocked');
    expect(engine.state.status).toMatchObject({ why: 'auth', subtask: 'a', retry_at: expect.any(String) });
    expect(engine.run().state.status.name).toBe('completed');
    expect(coders(engine)).toEqual(['a/1']);
    expect(engine.started).toHaveLength(4);
    expect(engine.now - from).toBeGreaterThanOrEqual(20 * 60_000);
    expect(engine.state.login).toBeNull();
  });

  it('is for a person after a day, who has it asked again by going on', () => {
    const engine = start([
      ...Array.from({ length: LOGIN_TRIES + 1 }, () => unable('auth')),
      'approved',
    ]).run();
    expect(engine.state.status).toMatchObject({ name: 'blocked', why: 'auth', retry_at: null });
    expect(engine.resume().run().state.status.name).toBe('completed');
    expect(coders(engine)).toEqual(['a/1']);
  });

  it('keeps the work over a restart and a stop', () => {
    const engine = start([unable('auth'), 'approved']);
    engine.run(state => state.status.name === 'blocked');
    engine.reboot().stop().run();
    expect(engine.state.status.name).toBe('blocked');
    expect(engine.resume().run().state.status.name).toBe('completed');
    expect(coders(engine)).toEqual(['a/1']);
  });

  it('can be cancelled', () => {
    const engine = start([unable('auth')]);
    engine.run(state => state.status.name === 'blocked');
    expect(engine.stop('cancel').run().state.status.name).toBe('cancelled');
  });
});

describe('a judge that meets a limit', () => {
  it('is waited for, each time for longer', () => {
    const engine = start([unable('limit'), unable('limit'), unable('overloaded'), 'approved'], {
      wait: true,
    });
    expect(engine.run().state.status.name).toBe('completed');
    expect(of(engine, 'task_waiting').map(e => e.why)).toEqual(['limit', 'limit', 'overloaded']);
    const waits = of(engine, 'gate_dropped').map(e => Date.parse(e.hold!.retry_at!) - Date.parse(e.t));
    expect(waits.slice(0, 2)).toEqual([HOUR / 4, HOUR / 2]);
    expect(coders(engine)).toEqual(['a/1']);
  });

  it('blocks the task after limits.max_waits, and where nobody allowed to wait', () => {
    const engine = start([unable('limit')], { wait: true, max_waits: 2 }).run();
    expect(of(engine, 'gate_dropped')).toHaveLength(3);
    expect(engine.state.status).toMatchObject({ name: 'blocked', why: 'budget' });
    const never = start([unable('limit'), 'approved'], { wait: false }).run();
    expect(never.state.status).toMatchObject({ name: 'blocked', why: 'budget' });
    expect(never.resume().run().state.status.name).toBe('completed');
    expect(coders(never)).toEqual(['a/1']);
  });

  it('of its own budget has refused nothing, but not for ever', () => {
    const engine = start([unable('budget'), 'approved']).run();
    expect(engine.state.status.name).toBe('completed');
    expect(of(engine, 'gate_dropped').map(e => e.outcome)).toEqual(['budget']);
    expect(coders(engine)).toEqual(['a/1']);
    const always = start([unable('budget')], { attempts: 1 }).run();
    expect(of(always, 'gate_dropped')).toHaveLength(2);
    expect(always.state.status.name).toBe('blocked');
  });
});

describe('a judge in quiet hours', () => {
  it('does not begin, and the task says so', () => {
    const engine = start(['approved'], { quiet_hours: ['08:30-09:30'] }, { hangs: true });
    engine.run(state => state.steps.some(s => s.attempt?.phase === 'running'));
    engine.now = Date.parse('2026-01-27T08:40:00Z');
    engine.live('a/1')!.hangs = false;
    engine.run(state => state.status.name === 'waiting');
    expect(engine.state.status).toMatchObject({
      why: 'quiet_hours',
      resume_at: '2026-01-27T09:30:00.000Z',
    });
    expect(engine.run().state.status.name).toBe('completed');
    expect(engine.started).toEqual(['a/1', 'a/1/gates/2.1']);
    expect(engine.now).toBeGreaterThanOrEqual(Date.parse('2026-01-27T09:30:00Z'));
  });
});
