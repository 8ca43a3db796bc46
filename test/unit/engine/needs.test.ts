/** Steps that wait for more than that others are done: whether they have begun, are ready, or failed; and the end of a task. */
import { describe, expect, it } from 'vitest';
import { planOf, type SubtaskDraft, specOf } from '../../support/task-builder.ts';
import { Engine, nameOf, type Script } from './engine.ts';

const command = (id: string, more: Record<string, unknown> = {}): SubtaskDraft => ({
  ...{ id, do: { run: [id] } },
  ...more,
});
const needing = (id: string, states: Record<string, string>, more: Record<string, unknown> = {}) =>
  command(id, { needs: Object.keys(states), need_states: states, ...more });
const last = (id: string, more: Record<string, unknown> = {}) => command(id, { finally: true, ...more });

function engineOf(subtasks: SubtaskDraft[], script: Script = {}, parallel = 1): Engine {
  const plan = planOf(subtasks);
  const spec = specOf({ plan, workspace: { kind: 'folder' }, gates: [], agents: {}, limits: { parallel } });
  return new Engine(spec, plan, script);
}

const statusOf = (engine: Engine, id: string) => engine.step(id).status;

describe('what a step waits for', () => {
  it('is that another one has begun, and then runs beside it, whatever the limit', () => {
    const engine = engineOf([command('a'), needing('b', { a: 'started' })], {
      work: { a: [{ hangs: true }] },
    });
    engine.run(state => state.steps.some(s => s.id === 'b' && s.status === 'completed'));
    expect(statusOf(engine, 'a')).toBe('in_progress');
    expect(engine.started.map(nameOf)).toEqual(['a/1', 'b/1']);
  });

  it('is that another one failed: it runs although nothing new starts, and the task fails all the same', () => {
    const engine = engineOf(
      [
        command('a'),
        needing('mend', { a: 'failed' }),
        command('after', { needs: ['mend'] }),
        command('other', { needs: ['a'] }),
      ],
      { work: { a: [{ code: 1 }] } },
    ).run();
    expect(['mend', 'after', 'other'].map(id => statusOf(engine, id))).toEqual([
      'completed',
      'completed',
      'skipped',
    ]);
    expect(engine.state.status).toMatchObject({ name: 'failed', subtask: 'a' });
  });

  it('never comes where the other one does not fail: it is left out with the reason, and the task completed', () => {
    const engine = engineOf([
      command('a'),
      needing('mend', { a: 'failed' }),
      command('after', { needs: ['mend'] }),
    ]).run();
    expect(engine.state.status.name).toBe('completed');
    expect(engine.step('mend').reason).toBe('needs a to fail, which did not fail');
    expect(engine.step('after').reason).toBe('needs mend to be done, which was skipped');
  });

  it('is a failure also where a program is not there, which is for a person to see to', () => {
    const engine = engineOf([command('a'), needing('mend', { a: 'failed' })]);
    engine.add({ type: 'task_started' });
    engine.add({ type: 'attempt_created', step: 'a', n: 1, nonce: 'n', from: null, work: true });
    const why = { why: 'config' as const, message: 'a could not start' };
    engine.add({
      ...{ type: 'attempt_closed', step: 'a', n: 1, outcome: 'startup', reason: null },
      ...{ retry_at: null, wait: null, block: why },
    });
    engine.run();
    expect(statusOf(engine, 'mend')).toBe('completed');
    expect(engine.state.status).toMatchObject({ name: 'blocked', subtask: 'a' });
  });
});

describe('what runs at the end', () => {
  it('runs once, after everything else, when all is well', () => {
    const engine = engineOf([last('clear'), command('a'), command('b')], {}, 4).run();
    expect(engine.started.map(nameOf)).toEqual(['a/1', 'b/1', 'clear/1']);
    expect(engine.state.status.name).toBe('completed');
    expect(engine.types().at(-1)).toBe('task_completed');
  });

  it('runs after a failure, and its own changes nothing about the outcome', () => {
    const engine = engineOf([command('a'), command('b', { needs: ['a'] }), last('clear')], {
      work: { a: [{ code: 3 }], clear: [{ code: 1 }] },
    }).run();
    expect(engine.state.status).toMatchObject({ name: 'failed', subtask: 'a' });
    expect(statusOf(engine, 'clear')).toBe('failed');
    const other = engineOf([command('a'), last('clear')], { work: { clear: [{ code: 1 }] } }).run();
    expect(other.state.status.name).toBe('completed');
    expect(statusOf(other, 'clear')).toBe('failed');
  });

  it('runs after a cancel of what has begun, and not where force leaves no time or nothing has begun', () => {
    const begun = engineOf([command('a'), last('clear')], { work: { a: [{ hangs: true }] } });
    begun.run(state => state.steps[0]!.attempt?.phase === 'running');
    begun.stop('cancel').run();
    expect(begun.started.map(nameOf)).toEqual(['a/1', 'clear/1']);
    expect(begun.state.status.name).toBe('cancelled');
    const forced = engineOf([command('a'), last('clear')], { work: { a: [{ hangs: true }] } });
    forced.run(state => state.steps[0]!.attempt?.phase === 'running');
    forced.stop('cancel', true).run();
    expect([forced.started.map(nameOf), forced.state.status.name]).toEqual([['a/1'], 'cancelled']);
    const early = engineOf([command('a'), last('clear')])
      .stop('cancel')
      .run();
    expect([early.started, early.state.status.name]).toEqual([[], 'cancelled']);
  });

  it('does not run when the task is stopped, which is no end; and it runs at the next end of a task that goes on', () => {
    const engine = engineOf([command('a'), last('clear')], {
      work: { a: [{ hangs: true }, { code: 1 }, {}] },
    });
    engine.run(state => state.steps[0]!.attempt?.phase === 'running');
    engine.stop().run();
    expect([engine.started.map(nameOf), engine.state.status.name]).toEqual([['a/1'], 'interrupted']);
    engine.resume().run();
    expect(engine.state.status.name).toBe('failed');
    engine.resume().run();
    expect(engine.state.status.name).toBe('completed');
    expect(engine.started.map(nameOf)).toEqual(['a/1', 'a/2', 'clear/1', 'a/3', 'clear/2']);
  });

  it('may be there for a failure alone, and comes after what it needs of its kind', () => {
    const steps = [
      last('tell', { needs: ['a', 'save'], need_states: { a: 'failed' } }),
      last('save'),
      command('a'),
    ];
    const failed = engineOf(steps, { work: { a: [{ code: 1 }] } }).run();
    expect(failed.started.map(nameOf)).toEqual(['a/1', 'save/1', 'tell/1']);
    const well = engineOf(steps).run();
    expect(well.step('tell').reason).toBe('needs a to fail, which did not fail');
    expect(well.state.status.name).toBe('completed');
  });
});
