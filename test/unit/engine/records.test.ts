/** What the journal says of records: the keys they are signed with, and who tried to write them. */
import { describe, expect, it } from 'vitest';
import { openJob, type Step, stepOf, type TaskState } from '../../../src/engine/state.ts';
import { viewOf } from '../../../src/engine/view.ts';
import { planOf, specOf, TaskBuilder } from '../../support/task-builder.ts';
import { Engine } from './engine.ts';

const start = (script = {}, over = {}) =>
  new Engine(specOf({ gates: [{ name: 'test', run: ['t'] }], ...over }), planOf(['a']), script);
const is = (phase: string) => (state: TaskState) => stepOf(state, 'a').attempt?.phase === phase;
const prepared = (engine: Engine) => engine.run(is('prepared'));
const asPrepared = (step: Step): Step =>
  step.attempt ? { ...step, attempt: { ...step.attempt, phase: 'prepared', started_at: null } } : step;
const types = (engine: Engine) => engine.events.map(({ type }) => type);

describe('the key of a record', () => {
  it('is in the journal before anything is started, of work and of gates', () => {
    const engine = start({ gates: { test: [0, 'hang'] } });
    engine.run(state => stepOf(state, 'a').attempt?.gates.some(g => g.live) ?? false);
    expect(engine.events.find(e => e.type === 'attempt_prepared')).toMatchObject({
      record_key: 'key of n of 1',
    });
    expect(engine.events.find(e => e.type === 'gate_started')).toMatchObject({ record_key: 'key of n of 1' });
    expect(openJob(engine.state, engine.step('a').attempt!.gates.at(-1)!.job)).toMatchObject({
      nonce: 'n',
      record_keys: ['key of n of 1'],
    });
  });

  it('is drawn again by another supervisor before it launches; what the first may have started counts too', () => {
    const engine = prepared(start());
    engine.supervisor = 2;
    expect(engine.look()).toMatchObject([{ type: 'launch' }]);
    expect(types(engine).at(-1)).toBe('record_key_drawn');
    expect(engine.step('a').attempt!.record_keys).toEqual(['key of n of 1', 'key of n of 2']);
    engine.look();
    expect(types(engine).filter(type => type === 'record_key_drawn')).toHaveLength(1);
    expect(engine.run().state.status.name).toBe('completed');
  });

  it('is none in a journal of before: its attempts go on, and their records need none', () => {
    const task = new TaskBuilder(specOf({ gates: [] })).claimed().plan(['a']).started().begin('a');
    expect(openJob(task.state, 'a/1')).toMatchObject({ record_keys: null, gate: null });
    const engine = start();
    engine.state = { ...task.state, steps: task.state.steps.map(asPrepared) };
    expect(engine.look()).toMatchObject([{ type: 'launch', job: 'a/1' }]);
    expect(types(engine)).not.toContain('record_key_drawn');
  });
});

it('who tried to forge records is told, and it changes nothing', () => {
  const engine = start();
  prepared(engine);
  engine.forged = ['gates of it were there before one was run'];
  engine.run(is('ended'));
  engine.forged = [];
  engine.run();
  expect(engine.state.status).toMatchObject({ name: 'completed', verified: true });
  expect(viewOf(engine.state, 1, engine.now).forgeries).toMatchObject([
    { step: 'a', n: 1, gate: null, what: ['gates of it were there before one was run'] },
  ]);
});

it('a command that ended and only waits for the disk is not stopped for its time', () => {
  const engine = start(
    { work: { a: [{ hangs: true }] } },
    { gates: [], limits: { session_timeout_seconds: 60 } },
  );
  engine.run(is('running'));
  const work = engine.live('a/1')!;
  work.records = true;
  engine.now += 3_600_000;
  expect(engine.look()).toEqual([]);
  work.records = false;
  work.hangs = false;
  expect(engine.run().state.status.name).toBe('completed');
});
