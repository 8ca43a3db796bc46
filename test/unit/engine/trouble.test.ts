/** Trouble of the machine, and work that is in no commit yet. */
import { describe, expect, it } from 'vitest';
import { settleFailure } from '../../../src/engine/settle.ts';
import type { TaskState } from '../../../src/engine/state.ts';
import { planOf, specOf } from '../../support/task-builder.ts';
import { Engine, failure, type Script } from './engine.ts';

const TEST = [{ name: 'test', run: ['npm', 'test'], timeout_seconds: 60 }];
const start = (script: Script = {}, over: Record<string, unknown> = {}) =>
  new Engine(specOf({ gates: [], ...over }), planOf(['a']), script);
const FULL = { why: 'disk', message: 'no space is left' } as const;
const SEAL = 'seal:a/1-n';
const waits = (engine: Engine) => engine.events.filter(event => event.type === 'task_waiting');
const isSealing = (state: TaskState) => state.steps.some(s => s.id === 'a' && s.attempt?.phase === 'ended');

/** Its session is over, and what it left cannot be committed. */
function stuck(script: Script = {}, over: Record<string, unknown> = {}): Engine {
  const engine = start(script, over);
  engine.troubles.set(SEAL, FULL);
  return engine.run();
}

describe('trouble of the machine', () => {
  it('is waited for: told once, tried for as long as it takes, and nothing is used up', () => {
    const engine = stuck();
    expect(engine.state.status).toMatchObject({ name: 'waiting', why: 'disk', message: FULL.message });
    for (let looks = 0; looks < 100; looks++) {
      engine.now += 60_000;
      expect(engine.look().map(effect => effect.key)).toEqual([SEAL]);
    }
    expect(waits(engine)).toHaveLength(1);
    engine.troubles.clear();
    engine.run();
    expect(engine.state.status.name).toBe('completed');
    expect([engine.started, engine.step('a').attempts, waits(engine).length]).toEqual([['a/1'], 1, 1]);
  });

  it('is what a plan waits for that was made and cannot be read', () => {
    const spec = specOf({
      plan: null,
      gates: [],
      agents: { initializer: { backend: 'claude', command: ['x'] } },
    });
    const engine = new Engine(spec, null);
    engine.troubles.set('plan:_plan/1-n', FULL);
    engine.run();
    expect(engine.state.status).toMatchObject({ name: 'waiting', why: 'disk', message: FULL.message });
    expect(engine.look().map(({ key }) => key)).toEqual(['plan:_plan/1-n']);
  });

  it('is told again where it becomes another', () => {
    const engine = stuck();
    engine.troubles.set(SEAL, { why: 'lock', message: 'somebody holds it' });
    engine.look();
    expect(waits(engine).map(event => event.type === 'task_waiting' && event.why)).toEqual(['disk', 'lock']);
  });

  it('holds nobody up who stops or cancels; what was stopped goes on with what was left', () => {
    const engine = stuck();
    engine.stop().run();
    expect(engine.state.status.name).toBe('interrupted');
    engine.resume().look();
    expect(engine.state.status).toMatchObject({ name: 'waiting', why: 'disk' });
    engine.troubles.clear();
    expect(engine.run().started).toEqual(['a/1']);

    const cancelled = stuck().stop('cancel').run();
    expect(cancelled.state.status.name).toBe('cancelled');
    expect(cancelled.state.unsealed).toEqual([{ step: 'a', n: 1 }]);
  });

  it('costs a gate none of its time, and the task none of its own', () => {
    const engine = start({}, { gates: TEST });
    engine.troubles.set('launch:a/1-n/gates/2.1-n', FULL);
    engine.run();
    expect(engine.state.status).toMatchObject({ name: 'waiting', why: 'disk' });
    const { total_ms } = engine.state.active;
    engine.now += 3_600_000;
    engine.troubles.clear();
    engine.run();
    expect(engine.state.status).toMatchObject({ name: 'completed', verified: true });
    expect(engine.events.find(event => event.type === 'gate_delayed')).toMatchObject({
      gate: 2,
      ms: 3_600_000,
    });
    expect(engine.state.active.total_ms - total_ms).toBeLessThan(60_000);
  });

  it('does not keep from a person that a process lives which cannot be ended', () => {
    const engine = start({ work: { a: [{ hangs: true }] } });
    engine.run(state => state.steps.some(s => s.attempt?.phase === 'running'));
    engine.stop().look();
    engine.troubles.set('end:a/1-n', FULL);
    engine.run();
    expect(engine.state.status.name).toBe('running');
  });
});

describe('work that is in no commit', () => {
  it('is known from the moment a process may write until it is sealed', () => {
    const engine = start();
    engine.run(state => state.steps.some(s => s.id === 'a' && s.attempt?.phase === 'prepared'));
    expect(engine.state.unsealed).toEqual([{ step: 'a', n: 1 }]);
    engine.run(isSealing);
    expect(engine.state.unsealed).toEqual([{ step: 'a', n: 1 }]);
    expect(engine.run().state.unsealed).toEqual([]);
  });

  it('is not done again where it cannot be committed for good: a person is asked, and it goes on from there', () => {
    const engine = start();
    engine.run(isSealing);
    const [seal] = engine.look();
    engine.add(...settleFailure(engine.state, seal!, failure('the repository is gone'), engine.now)!);
    expect(engine.state.status).toMatchObject({ name: 'blocked', why: 'config', subtask: 'a' });
    expect(engine.step('a').attempt).toMatchObject({ n: 1, phase: 'ended', outcome: 'ok' });
    expect(engine.look().filter(effect => effect.type === 'seal')).toEqual([]);
    engine.resume().run();
    expect([engine.state.status.name, engine.started]).toEqual(['completed', ['a/1']]);
  });

  it('is remembered of an attempt that an older version gave up, until the next one begins', () => {
    const engine = start();
    engine.run(isSealing);
    const closed = { outcome: 'startup', reason: 'no space', retry_at: null, wait: null } as const;
    const block = { why: 'config', message: 'no space' } as const;
    engine.add({ type: 'attempt_closed', step: 'a', n: 1, ...closed, block });
    engine.run();
    expect([engine.state.status.name, engine.state.unsealed]).toEqual(['blocked', [{ step: 'a', n: 1 }]]);
    engine.resume();
    engine.run(state => state.steps.some(s => s.attempt?.phase === 'created'));
    expect(engine.state.unsealed).toEqual([{ step: 'a', n: 1 }]);
    expect(engine.run().state.unsealed).toEqual([]);
  });
});
