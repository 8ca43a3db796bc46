/** Services of a task: who waits for them, what becomes of them, and that none is left. */
import { describe, expect, it } from 'vitest';
import { planOf, type SubtaskDraft, specOf } from '../../support/task-builder.ts';
import { Engine, nameOf, type Script, type Work } from './engine.ts';

const UP: Work = { hangs: true };
const command = (id: string, needs: string[] = [], more: Record<string, unknown> = {}): SubtaskDraft => ({
  ...{ id, do: { run: [id] }, needs },
  ...more,
});
const service = (id: string, given: Record<string, unknown> = {}, needs: string[] = []): SubtaskDraft => ({
  ...{ id, do: { keep: [id] }, needs },
  service: given,
});

function engineOf(subtasks: SubtaskDraft[], script: Script = {}, over: Record<string, unknown> = {}): Engine {
  const plan = planOf(subtasks);
  const spec = specOf({ plan, workspace: { kind: 'folder' }, gates: [], agents: {}, ...over });
  return new Engine(spec, plan, script);
}

const running = (id: string) => (state: Engine['state']) =>
  state.steps.some(s => s.id === id && s.attempt?.phase === 'running');
const ready = (id: string) => (state: Engine['state']) =>
  state.steps.some(s => s.id === id && s.service?.ready_at != null);
const live = (engine: Engine) => engine.state.steps.filter(s => s.attempt).map(s => s.id);

describe('a service', () => {
  it('is up before what needs it, and is stopped when all is done', () => {
    const engine = engineOf([command('e2e', ['web']), service('web', {}, ['db']), service('db')], {
      work: { web: [UP], db: [UP] },
    });
    engine.coming.add('db');
    engine.run();
    expect(engine.started.map(nameOf)).toEqual(['db/1']);
    engine.coming.clear();
    engine.run();
    expect(engine.started.map(nameOf)).toEqual(['db/1', 'web/1', 'e2e/1']);
    expect([engine.state.status.name, live(engine)]).toEqual(['completed', []]);
    const types = engine.events.map(e => ('step' in e ? `${e.type} ${e.step}` : e.type));
    expect(types.indexOf('service_ready web')).toBeLessThan(types.indexOf('attempt_created e2e'));
    expect(types.indexOf('attempt_stopping web')).toBeGreaterThan(types.indexOf('step_completed e2e'));
  });

  it('takes no place of the commands, no time of the task and no attempt of it', () => {
    const limits = { parallel: 1, max_iterations: 2, max_runtime_seconds: 10 };
    const engine = engineOf(
      [service('db'), command('a', ['db']), command('b', ['db'])],
      { work: { db: [UP] } },
      { limits },
    );
    engine.slots = 1;
    engine.run(running('db'));
    engine.now += 60_000;
    engine.run();
    expect([engine.state.status.name, engine.state.iterations]).toEqual(['completed', 2]);
    expect(engine.state.active.total_ms).toBe(0);
  });

  it('fails with what it was last found to be when it does not get ready, and is tried again before', () => {
    const engine = engineOf([service('db', { max_restarts: 2 }), command('a', ['db'])], {
      work: { db: [UP] },
    });
    engine.unready.add('db');
    engine.run();
    expect(engine.started.map(nameOf)).toEqual(['db/1', 'db/2', 'db/3']);
    expect(engine.state.status).toMatchObject({
      ...{ name: 'failed', subtask: 'db' },
      reason: 'db failed: started again 2 times within 10 min, the last: not ready within 60 s: no answer',
    });
    expect(engine.step('a').reason).toBe('db failed');
  });

  it('is started again after longer and longer pauses, and sooner after it was well for a minute', () => {
    const ends: Work[] = [{ code: 1 }, { code: 1 }, { code: 1 }, UP, UP];
    const engine = engineOf([service('db')], { work: { db: ends } }).run();
    const at = engine.events.filter(e => e.type === 'attempt_created').map(e => Date.parse(e.t));
    const pauses = at.slice(1).map((t, i) => Math.round((t - at[i]!) / 1000));
    expect(pauses).toEqual([1, 2, 4]);
    expect(engine.step('db').service).toMatchObject({ starts: 4, row: 3 });
    engine.now += 61_000;
    engine.live('db/4')!.lost = true;
    engine.run();
    expect(engine.step('db').service).toMatchObject({ starts: 5, row: 1 });
  });

  it('has failed when it ends well and nobody asked for that, and is kept up where it always is', () => {
    const once = engineOf([service('db')], { work: { db: [{ code: 0 }] } }).run();
    expect(once.state.status).toMatchObject({ name: 'failed', subtask: 'db' });
    const always = engineOf([service('db', { restart: 'always' })], {
      work: { db: [{ code: 0 }, UP] },
    }).run();
    expect(always.started.map(nameOf)).toEqual(['db/1', 'db/2']);
    expect(always.state.status.name).toBe('running');
    const never = engineOf([service('db', { restart: 'never' })], { work: { db: [{ code: 7 }] } }).run();
    expect(never.state.status).toMatchObject({
      reason: 'db failed: ended with exit code 7; restart is "never"',
    });
  });

  it('is started again when it is well no more', () => {
    const health = { every_seconds: 1 };
    const engine = engineOf([service('db', { port: 5432, health })], { work: { db: [UP] } }).run();
    engine.ill.add('db');
    engine.run(state => state.steps[0]!.attempts === 2);
    engine.ill.clear();
    engine.run();
    expect(engine.step('db').history[0]).toMatchObject({
      outcome: 'failed',
      reason: 'not well any more: no answer',
    });
    expect(ready('db')(engine.state)).toBe(true);
  });

  it('alone keeps its task running until somebody stops it, and comes back after a reboot and a resume', () => {
    const engine = engineOf([service('db')], { work: { db: [UP] } }).run();
    expect([engine.state.status.name, live(engine)]).toEqual(['running', ['db']]);
    engine.reboot().run();
    expect([engine.started.map(nameOf), engine.state.status.name]).toEqual([['db/1', 'db/2'], 'running']);
    expect(engine.step('db').service).toMatchObject({ row: 0, failed_at: [] });
    engine.stop().run();
    expect([engine.state.status.name, live(engine)]).toEqual(['interrupted', []]);
    engine.resume().run();
    expect([engine.state.status.name, live(engine)]).toEqual(['running', ['db']]);
    engine.stop('cancel').run();
    expect([engine.state.status.name, live(engine)]).toEqual(['cancelled', []]);
  });

  it('outlives those that use it when the task is stopped', () => {
    const engine = engineOf([service('db'), command('a', ['db'])], { work: { db: [UP], a: [UP] } });
    engine.run(running('a'));
    engine.stop().run();
    const ends = engine.events.filter(e => e.type === 'attempt_ended').map(e => e.step);
    expect([ends, engine.state.status.name]).toEqual([['a', 'db'], 'interrupted']);
  });

  it('goes on after what was adopted of it, and is never begun twice', () => {
    const engine = engineOf([service('db'), command('a', ['db'])], { work: { db: [UP], a: [UP] } });
    engine.run(running('a'));
    engine.supervisor++;
    engine.claim();
    expect(engine.look()).toEqual([]);
    expect(engine.started.map(nameOf)).toEqual(['db/1', 'a/1']);
    expect(ready('db')(engine.state)).toBe(true);
  });

  it('ends with the supervisor that is told to suspend, after what uses it', () => {
    const engine = engineOf([service('db'), command('a', ['db'])], { work: { db: [UP], a: [UP] } });
    engine.run(running('a'));
    engine.draining = true;
    engine.suspending = true;
    engine.run();
    expect([live(engine), engine.state.status.name]).toEqual([[], 'running']);
  });
});

describe('services of a project', () => {
  const db = planOf([service('db')]).subtasks;
  const agents = (script: Script, more: Record<string, unknown> = {}) => {
    const plan = planOf(['s']);
    return new Engine(specOf({ plan, services: db, ...more }), plan, script);
  };

  it('are up for agents and gates, and gone when the task is completed', () => {
    const engine = agents({ work: { '_service-db': [UP] } }).run();
    expect(engine.state.status.name).toBe('completed');
    expect(engine.started.map(nameOf)[0]).toBe('_service-db/1');
    expect(live(engine)).toEqual([]);
  });

  it('stop when the task needs a person, and are up again when it goes on', () => {
    const engine = agents({
      work: { '_service-db': [UP], s: [{ claim: { status: 'auth' }, code: 1 }, {}] },
    }).run(state => state.status.name === 'blocked');
    expect([engine.state.status.name, live(engine)]).toEqual(['blocked', []]);
    engine.resume().run();
    expect(engine.state.status.name).toBe('completed');
    expect(engine.started.map(nameOf).filter(name => name.startsWith('_service'))).toEqual([
      '_service-db/1',
      '_service-db/2',
    ]);
  });

  it('that cannot be kept up block the task, and no work of an agent is given up', () => {
    const engine = agents({ work: { '_service-db': [{ code: 1 }] } }).run();
    expect(engine.state.status).toMatchObject({ name: 'blocked', why: 'config', subtask: '_service-db' });
    expect(engine.step('s').attempts).toBe(0);
  });

  it('hold up gates until they are up again, and the work waits for a person where they are not', () => {
    const engine = agents({ work: { '_service-db': [UP, { code: 1 }], s: [UP] } });
    engine.run(running('s'));
    engine.live('_service-db/1')!.lost = true;
    engine.run(state => state.steps.find(s => s.kind === 'service')!.attempts === 3);
    engine.live('s/1')!.hangs = false;
    engine.run();
    expect(engine.state.status).toMatchObject({ name: 'blocked', why: 'config' });
    expect(engine.started.map(nameOf)).not.toContain('s/1/gates/2.1');
    expect(engine.step('s').attempt?.phase).toBe('sealed');
  });
});

describe('a service, where the task does not just run to its end', () => {
  it('is up again when the login that was missing is tried again by itself', () => {
    const plan = planOf(['s']);
    const services = planOf([service('db')]).subtasks;
    const out = { claim: { status: 'auth' as const }, code: 1 };
    const engine = new Engine(specOf({ plan, services }), plan, {
      work: { '_service-db': [UP], s: [out, {}] },
    });
    engine.run(state => state.status.name === 'blocked');
    expect(live(engine)).toEqual([]);
    engine.run();
    expect(engine.state.status.name).toBe('completed');
    expect(engine.types().filter(type => type === 'login_retried')).toHaveLength(1);
    expect(engine.started.map(nameOf).filter(name => name.startsWith('_service'))).toHaveLength(2);
  });

  it('comes back when it was on its way down as somebody resumed', () => {
    const plan = planOf(['s']);
    const services = planOf([service('db')]).subtasks;
    const engine = new Engine(specOf({ plan, services }), plan, {
      work: { '_service-db': [UP], s: [{}] },
    });
    engine.run(ready('_service-db'));
    engine.add({ type: 'task_blocked', why: 'config', message: 'x', subtask: null });
    engine.run(state => state.steps.some(s => s.attempt?.stop_reason === 'done'));
    engine.resume().run();
    expect(engine.state.status.name).toBe('completed');
    expect(engine.started.map(nameOf).filter(name => name.startsWith('_service'))).toHaveLength(2);
  });

  it('is wanted again by what is done again', () => {
    const clear = { ...command('clear'), finally: true as const };
    const engine = engineOf([service('db'), command('a', ['db']), command('b', ['db', 'a']), clear], {
      work: { db: [UP], clear: [UP] },
    });
    engine.run(running('clear'));
    expect(engine.step('db').status).toBe('completed');
    engine.add({ type: 'step_reset', step: 'b', reason: 'retry' });
    engine.live('clear/1')!.hangs = false;
    engine.run();
    expect([engine.state.status.name, live(engine)]).toEqual(['completed', []]);
    expect(engine.step('b').attempts).toBe(2);
  });

  it('that is given up, or blocked, is told though another one is up', () => {
    const engine = engineOf([service('db'), service('web', { max_restarts: 0 })], {
      work: { db: [UP], web: [{ code: 1 }] },
    }).run();
    expect(engine.state.status).toMatchObject({ name: 'failed', subtask: 'web' });
    expect(live(engine)).toEqual([]);
  });

  it('that did not fail keeps nobody for whom it would have to', () => {
    const told = { ...command('diagnose', ['db']), need_states: { db: 'failed' as const } };
    const after = command('after', ['diagnose']);
    const engine = engineOf([service('db'), command('a', ['db']), told, after], {
      work: { db: [UP] },
    }).run();
    expect([engine.state.status.name, live(engine)]).toEqual(['completed', []]);
    expect(engine.step('diagnose')).toMatchObject({
      status: 'skipped',
      reason: 'needs db to fail, which did not fail',
    });
    expect(engine.step('after').status).toBe('skipped');
    // With nothing else to do, that is what the task is for.
    const watch = engineOf([service('db'), told], { work: { db: [UP] } });
    watch.run(ready('db'));
    watch.run(() => false);
    expect([watch.state.status.name, live(watch)]).toEqual(['running', ['db']]);
  });

  it('that waits for what never comes is left out, with those that need it', () => {
    const web = { ...service('web', {}, ['build']), need_states: { build: 'failed' as const } };
    const engine = engineOf([command('build'), web, command('e2e', ['web'])]).run();
    expect(engine.state.status.name).toBe('completed');
    expect([engine.step('web').reason, engine.step('e2e').reason]).toEqual([
      'needs build to fail, which did not fail',
      'needs web to be ready, which was skipped',
    ]);
  });
});

it('what runs at the end is ended by no limit of the task', () => {
  const clear = { ...command('clear'), finally: true as const };
  const engine = engineOf(
    [command('a'), clear],
    { work: { a: [UP], clear: [UP] } },
    {
      limits: { max_runtime_seconds: 10 },
    },
  );
  engine.run(running('a'));
  engine.now += 9_000;
  engine.live('a/1')!.hangs = false;
  engine.run(running('clear'));
  engine.now += 60_000;
  engine.run(() => true);
  expect(engine.step('clear').attempt?.phase).toBe('running');
  engine.live('clear/1')!.hangs = false;
  engine.run();
  expect([engine.state.status.name, engine.step('clear').status]).toEqual(['completed', 'completed']);
});
