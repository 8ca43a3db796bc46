/** A rollback: asked for, done, and only then history; before anything else, and never half. */
import { describe, expect, it } from 'vitest';
import { settle, settleFailure } from '../../../src/engine/settle.ts';
import { viewOf } from '../../../src/engine/view.ts';
import { planOf, specOf } from '../../support/task-builder.ts';
import { Engine, failure } from './engine.ts';

const FULL = { why: 'disk', message: 'no space is left' } as const;
const KEY = 'rollback:r1';

/** Its second step is blocked, since it changed what it may not; then somebody asks for a rollback of the first. */
function asked(): Engine {
  const plan = planOf(['a', { id: 'b', needs: ['a'] }]);
  const engine = new Engine(specOf({ gates: [] }), plan, {
    work: { b: [{ hit: 'rasen.yml was changed' }, {}] },
  }).run();
  expect(engine.state.status).toMatchObject({ name: 'blocked', why: 'review' });
  const { base } = engine.state.workspace!;
  return engine.add({ type: 'rollback_requested', op: 'r1', commit: base, steps: ['a', '_final'] });
}

const rolledBack = (engine: Engine) => engine.types().filter(type => type === 'rolled_back').length;

describe('a rollback', () => {
  it('is the only thing that is done, and becomes history when it is done', () => {
    const engine = asked();
    expect(engine.look().map(({ key }) => key)).toEqual([KEY]);
    expect(engine.step('a').status).toBe('completed');
    expect(viewOf(engine.state, null, engine.now).rolling_back).toMatchObject({ steps: ['a', '_final'] });
    engine.run();
    expect([engine.step('a').status, rolledBack(engine)]).toEqual(['pending', 1]);
    expect(viewOf(engine.state, null, engine.now).rolling_back).toBeUndefined();
    expect(engine.resume().run().state.status.name).toBe('completed');
  });

  it('is made by the next supervisor where this one died, and told once', () => {
    const engine = asked();
    const [effect] = engine.look();
    engine.claim();
    expect(engine.look()).toEqual([effect]);
    engine.run();
    expect(settle(engine.state, effect!, { type: 'rollback' }, engine.now)).toBeNull();
    expect(rolledBack(engine)).toBe(1);
  });

  it('waits while the service is stopped', () => {
    const engine = asked();
    engine.suspending = true;
    expect(engine.run().look()).toEqual([]);
    engine.suspending = false;
    expect(rolledBack(engine.run())).toBe(1);
  });

  it('that is refused leaves the history as it was, and the next one is another', () => {
    const engine = asked();
    const [effect] = engine.look();
    engine.add(...settleFailure(engine.state, effect!, failure('the repository is gone'), engine.now)!);
    expect(engine.state.rollback_refused).toMatchObject({ op: 'r1', message: 'the repository is gone' });
    expect(settleFailure(engine.state, effect!, failure('again'), engine.now)).toEqual([]);
    engine.run();
    expect([engine.step('a').status, rolledBack(engine)]).toEqual(['completed', 0]);
    const { base } = engine.state.workspace!;
    engine.add({ type: 'rollback_requested', op: 'r2', commit: base, steps: ['a'] }).run();
    expect([rolledBack(engine), engine.state.rollback_refused]).toEqual([1, undefined]);
  });

  it('that waits for the machine is what a resumed task waits for', () => {
    const engine = asked();
    engine.troubles.set(KEY, FULL);
    engine.run();
    expect(engine.state.status.name).toBe('blocked');
    engine.resume().run();
    expect(engine.state.status).toMatchObject({ name: 'waiting', why: 'disk', message: FULL.message });
    expect(engine.look().map(({ key }) => key)).toEqual([KEY]);
    engine.troubles.clear();
    expect(engine.run().state.status.name).toBe('completed');
    expect(engine.started).toEqual(['a/1', 'b/1', 'a/2', 'b/2']);
  });

  it('is given up by a cancel, which waits for nothing', () => {
    const engine = asked();
    engine.troubles.set(KEY, FULL);
    const [effect] = engine.run().look();
    engine.stop('cancel').run();
    expect([engine.state.status.name, engine.state.rollback]).toEqual(['cancelled', undefined]);
    expect(settle(engine.state, effect!, { type: 'rollback' }, engine.now)).toBeNull();
  });

  it('lets nothing become good meanwhile', () => {
    const plan = planOf(['a', 'b']);
    const engine = new Engine(specOf({ gates: [] }), plan).run(state =>
      state.steps.some(s => s.id === 'b' && s.attempt?.phase === 'sealed'),
    );
    const mark = engine.run(() => engine.look().some(({ type }) => type === 'mark_good')).look();
    const good = mark.find(({ type }) => type === 'mark_good')!;
    const { base } = engine.state.workspace!;
    engine.add({ type: 'rollback_requested', op: 'r1', commit: base, steps: ['a'] });
    expect(settle(engine.state, good, { type: 'mark_good' }, engine.now)).toBeNull();
  });
});
