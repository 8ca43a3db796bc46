/** Budgets of tokens and dollars: what ends when they are used up, who is asked, and when it goes on. */
import { describe, expect, it } from 'vitest';
import type { EventOf, EventType } from '../../../src/contract/event.ts';
import { budgetShare, budgetText, dollarsLeft } from '../../../src/engine/budget.ts';
import { viewOf } from '../../../src/engine/view.ts';
import { planOf, type SubtaskDraft, specOf } from '../../support/task-builder.ts';
import { Engine, type Script } from './engine.ts';

const start = (
  limits: Record<string, number>,
  script: Script,
  subtasks: (SubtaskDraft | string)[] = ['a', 'b'],
  over: Record<string, unknown> = {},
) => {
  const spec = specOf({ gates: [], review: OFF, qa: OFF, ...over, limits });
  return new Engine(spec, planOf(subtasks), script);
};
const OFF = { enabled: false, per_subtask: false, max_loops: 3, recurring_issue_threshold: 3 };
const REVIEW = { review: { ...OFF, enabled: true, per_subtask: true } };
const uses = (tokens: number, usd: number | null = null) => ({ used: { tokens, usd } });
const runs = (tokens: number, usd = 0) => ({
  hangs: true,
  signs: { used: { tokens, usd } },
  ...uses(tokens, usd),
});
const of = <T extends EventType>(engine: Engine, type: T) =>
  engine.events.filter(e => e.type === type) as EventOf<T>[];
const status = (engine: Engine) => engine.state.status;

describe('a budget of the task', () => {
  it('ends the session that uses it up, and blocks the task with the number and the key', () => {
    const engine = start({ tokens: 1000 }, { work: { a: [uses(400)], b: [runs(650)] } }).run();
    expect(of(engine, 'attempt_stopping')).toMatchObject([
      { step: 'b', reason: 'budget', over: { budget: 'tokens', used: 1050, limit: 1000, until: null } },
    ]);
    expect(of(engine, 'attempt_closed').map(e => e.outcome)).toEqual(['ok', 'budget']);
    expect(status(engine)).toMatchObject({
      name: 'blocked',
      why: 'budget',
      message: expect.stringContaining('1,050 of 1,000 tokens used (limits.tokens)'),
    });
    expect(JSON.stringify(status(engine))).toContain(
      `\`rasen resume ${engine.state.id}\` allows as much again`,
    );
  });

  it('starts no session when it is used up, and lets commands run', () => {
    const engine = start({ usd: 2 }, { work: { a: [uses(10, 2.5)] } }, [
      'a',
      'b',
      { id: 'c', do: { run: ['c'] } },
    ]).run();
    expect(engine.started).toEqual(['a/1', 'c/1']);
    expect(status(engine)).toMatchObject({
      name: 'blocked',
      message: `b: $2.50 of $2.00 used (limits.usd); \`rasen resume ${engine.state.id}\` allows as much again`,
    });
  });

  it('is allowed once more by a person who resumes it when it is used up, and only then', () => {
    const engine = start({ tokens: 1000 }, { work: { a: [uses(1200)], b: [uses(300)] } }, ['a', 'b', 'c']);
    engine.run();
    expect(status(engine)).toMatchObject({ name: 'blocked', why: 'budget' });
    engine.resume().run(state => state.steps[1]!.status === 'completed');
    expect([engine.state.used_before.tokens, engine.state.input_tokens]).toEqual([1200, 1500]);
    engine.stop().run();
    expect(status(engine).name).toBe('interrupted');
    engine.resume();
    expect(engine.state.used_before.tokens, 'a stop gives nothing back').toBe(1200);
    expect(engine.run().state.status.name).toBe('completed');
  });

  it('of tokens gives no dollars back, nor what was said of them', () => {
    const script = { work: { a: [uses(1200, 8.5)], b: [uses(300, 2)] } };
    const engine = start({ tokens: 1000, usd: 10, subtask_tokens: 1100, subtask_usd: 100 }, script).run();
    expect(engine.state.warned).toEqual(['tokens', 'usd']);
    engine.resume();
    expect(engine.state.used_before).toEqual({ tokens: 1200, usd: 0 });
    expect(engine.step('a').used_before).toEqual({ tokens: 1200, usd: 0 });
    expect(engine.state.warned).toEqual(['usd']);
  });

  it('is said to be nearly used up, once', () => {
    const engine = start({ tokens: 1000, usd: 10 }, { work: { a: [uses(850, 1)], b: [uses(50, 1)] } }).run();
    expect(of(engine, 'budget_nearly_used')).toMatchObject([{ budget: 'tokens', used: 850, limit: 1000 }]);
    expect(budgetShare(engine.state)).toMatchObject({ budget: 'tokens', used: 900, share: 0.9 });
    expect(viewOf(engine.state, 1, engine.now).budgets).toEqual([
      { budget: 'tokens', used: 900, limit: 1000 },
      { budget: 'usd', used: 2, limit: 10 },
    ]);
  });

  it('counts what a session used whose work was refused, and one that says nothing by its result file', () => {
    const script = { work: { a: [{ claim: { input_tokens: 700, output_tokens: 400 } }] } };
    expect(status(start({ tokens: 1000 }, script).run())).toMatchObject({ name: 'blocked', subtask: 'b' });
  });
});

describe('a budget of a subtask', () => {
  it('counts all its attempts, and that of the plan is stronger', () => {
    const failing = { code: 1, ...uses(600) };
    const engine = start({ subtask_tokens: 1000 }, { work: { a: [failing], b: [failing] } }, [
      'a',
      { id: 'b', limits: { tokens: 100 } },
    ]).run();
    expect(engine.started).toEqual(['a/1', 'a/2', 'b/1']);
    expect(status(engine)).toMatchObject({
      name: 'blocked',
      message: `a: 1,200 of 1,000 tokens used (limits.subtask_tokens); \`rasen resume ${engine.state.id}\` allows as much again`,
    });
    engine.resume().run();
    expect(engine.started.slice(3), 'each that is used up is allowed once more').toEqual([
      'a/3',
      'a/4',
      'b/2',
    ]);
  });
});

describe('a budget of an attempt', () => {
  const gates = [{ name: 'test', run: ['npm', 'test'] }];

  it('ends it; what passes its gates is done all the same', () => {
    const engine = start({ attempt_tokens: 500 }, { work: { a: [runs(600)] } }, ['a'], { gates }).run();
    expect(of(engine, 'attempt_ended')[0]).toMatchObject({
      outcome: 'budget',
      message: '600 of 500 tokens used (limits.attempt_tokens)',
    });
    expect(status(engine)).toMatchObject({ name: 'completed', verified: true });
  });

  it('counts its judges; one that is stopped is asked again when somebody allows it', () => {
    const judge = { approves: true as const, ...runs(300) };
    const script = { work: { a: [uses(400)] }, gates: { review: [judge, 'approved' as const] } };
    const engine = start({ attempt_tokens: 600 }, script, ['a'], REVIEW).run();
    expect(of(engine, 'gate_dropped')).toMatchObject([
      { outcome: 'killed', session: { usage: { input_tokens: 300 } } },
    ]);
    expect(status(engine)).toMatchObject({
      name: 'blocked',
      message: expect.stringContaining('700 of 600 tokens used (limits.attempt_tokens)'),
    });
    expect(engine.resume().run().state.status.name).toBe('completed');
    expect(engine.started, 'the work is not done again').toEqual(['a/1', 'a/1/gates/2.1', 'a/1/gates/2.2']);
  });

  it('the work goes on from what was left, not from the start', () => {
    const script = { work: { a: [runs(600), uses(10)] }, gates: { test: [0, 1, 0] } };
    const engine = start({ attempt_tokens: 500 }, script, ['a'], { gates }).run();
    expect(status(engine)).toMatchObject({ name: 'blocked', why: 'budget' });
    engine.resume().run();
    expect(of(engine, 'attempt_created').at(-2)).toMatchObject({ step: 'a', from: 'commit a/1' });
    expect(status(engine).name).toBe('completed');
  });
});

describe('a budget of a day', () => {
  const MIDNIGHT = '2026-01-28T00:00:00.000Z';
  const day = (engine: Engine, tokens: number, ends_at_ms = Date.parse(MIDNIGHT)) => {
    engine.day = { used: { tokens, usd: 0 }, ends_at_ms };
  };

  it('waits for the next one, and goes on by itself', () => {
    const engine = start({ tokens_per_day: 1000 }, {});
    day(engine, 1000);
    engine.run(state => state.status.name === 'waiting');
    expect(status(engine)).toEqual({
      name: 'waiting',
      why: 'budget',
      resume_at: MIDNIGHT,
      message: 'a: 1,000 of 1,000 tokens used today by all tasks (limits.tokens_per_day)',
    });
    engine.look();
    expect(engine.events.at(-1)!.type, 'nothing more is recorded while it waits').toBe('task_waiting');
    engine.now = Date.parse(MIDNIGHT);
    day(engine, 0, Date.parse(MIDNIGHT) + 86_400_000);
    expect(engine.run().state.status.name).toBe('completed');
  });

  it.each([
    ['session', {}],
    ['judge', REVIEW],
  ])('begins no %s before that where a restart knows only a part of the sum', (what, over) => {
    const engine = start({ tokens_per_day: 1000 }, {}, ['a'], over);
    if (what === 'judge') engine.run(state => state.steps[0]!.attempt?.phase === 'running');
    day(engine, 1000);
    engine.run(state => state.status.name === 'waiting');
    const before = engine.started.length;
    day(engine, 10);
    engine.claim();
    expect(engine.look()).toEqual([]);
    expect(status(engine).name).toBe('waiting');
    expect(engine.started).toHaveLength(before);
    engine.now = Date.parse(MIDNIGHT);
    day(engine, 0, Date.parse(MIDNIGHT) + 86_400_000);
    expect(engine.run().state.status.name).toBe('completed');
  });

  it('ends a session in the middle, which uses up no attempt', () => {
    const engine = start({ tokens_per_day: 1000 }, { work: { a: [runs(5), uses(5)] } }, ['a']);
    engine.run(state => state.steps[0]!.attempt?.phase === 'running');
    day(engine, 1200);
    engine.run(state => state.status.name === 'waiting');
    expect(engine.state.steps[0]).toMatchObject({ counted: 0, wait: 'budget', retry_at: MIDNIGHT });
    engine.now = Date.parse(MIDNIGHT);
    day(engine, 0, Date.parse(MIDNIGHT) + 86_400_000);
    expect(engine.run().state.status.name).toBe('completed');
    expect(engine.state.steps[0]!.counted).toBe(1);
  });

  it.each([
    ['', []],
    [', also where a gate has looked at what it left', [{ name: 'test', run: ['npm', 'test'] }]],
  ])('is waited for too where the program ended itself for it%s', (_words, gates) => {
    const itself = { claim: { status: 'budget' as const, summary: 'no dollars' }, code: 1, ...uses(10, 5) };
    const script = { work: { a: [itself, {}] }, gates: { test: [0, 1, 0] } };
    const engine = start({ usd_per_day: 5 }, script, ['a'], { gates });
    engine.run(state => state.steps.some(s => s.id === 'a' && s.attempt?.phase === 'running'));
    engine.day = { used: { tokens: 10, usd: 5 }, ends_at_ms: Date.parse(MIDNIGHT) };
    engine.run(state => state.status.name !== 'running');
    expect(status(engine)).toMatchObject({ name: 'waiting', why: 'budget', resume_at: MIDNIGHT });
    expect(engine.step('a')).toMatchObject({ counted: 0 });
    engine.now = Date.parse(MIDNIGHT);
    day(engine, 0, Date.parse(MIDNIGHT) + 86_400_000);
    expect(engine.run().state.status.name).toBe('completed');
  });

  it('holds a judge until then, and keeps the work', () => {
    const engine = start({ tokens_per_day: 1000 }, {}, ['a'], REVIEW);
    engine.run(state => state.steps[0]!.attempt?.phase === 'running');
    day(engine, 1200);
    engine.run(state => state.status.name === 'waiting');
    expect(engine.state.steps[0]!.attempt?.phase).toBe('sealed');
    engine.now = Date.parse(MIDNIGHT);
    day(engine, 0, Date.parse(MIDNIGHT) + 86_400_000);
    expect(engine.run().state.status.name).toBe('completed');
    expect(engine.started).toEqual(['a/1', 'a/1/gates/2.1']);
  });

  it('is said to be nearly used up once a day', () => {
    const engine = start({ tokens_per_day: 1000 }, { work: { a: [{ hangs: true }] } }, ['a']);
    engine.run(state => state.steps[0]!.attempt?.phase === 'running');
    day(engine, 900);
    engine.look();
    day(engine, 950);
    engine.look();
    expect(of(engine, 'budget_nearly_used')).toHaveLength(1);
    day(engine, 900, Date.parse(MIDNIGHT) + 86_400_000);
    engine.look();
    expect(of(engine, 'budget_nearly_used')).toHaveLength(2);
  });
});

it('amounts are read by people', () => {
  const text = (budget: 'tokens' | 'usd', used: number, limit: number) => budgetText({ budget, used, limit });
  expect(text('tokens', 1_234_567.4, 2_000_000)).toBe('1,234,567 of 2,000,000 tokens used (limits.tokens)');
  expect(text('usd', 0.01431, 0.5)).toBe('$0.014 of $0.5 used (limits.usd)');
});

describe('dollars that a session is given', () => {
  const given = (
    limits: Record<string, number>,
    over: Record<string, unknown>,
    subtasks = ['a', 'b', 'c'],
  ) => {
    const { state } = start(limits, {}, subtasks, over).run(({ steps }) => steps.some(s => s.id === 'a'));
    const nothing = { job: () => null, day: () => ({ used: { tokens: 0, usd: 0 }, ends_at_ms: 0 }) };
    return dollarsLeft(state, state.steps.find(s => s.id === 'a')!, nothing);
  };
  const folder = { workspace: { kind: 'folder' } };

  it('are a share of what is left to all, where others may run beside it', () => {
    expect(given({ usd: 12, parallel: 3 }, folder)).toBe(4);
    expect(given({ usd: 12, parallel: 2 }, folder)).toBe(6);
    expect(given({ usd_per_day: 12, parallel: 64 }, folder)).toBe(4);
  });

  it('are all of them where none can run beside it, or where they are its own', () => {
    expect(given({ usd: 12, parallel: 3 }, {})).toBe(12);
    expect(given({ usd: 12 }, folder)).toBe(12);
    expect(given({ usd: 12, parallel: 3 }, folder, ['a'])).toBe(12);
    expect(given({ usd: 12, subtask_usd: 2, parallel: 3 }, folder)).toBe(2);
  });
});
