/** What follows from what, case by case; every combination of them is the simulation's (test/crash). */
import { describe, expect, it } from 'vitest';
import type { NewEvent } from '../../../src/contract/event.ts';
import { settle, settleFailure } from '../../../src/engine/settle.ts';
import { stepOf, type TaskState } from '../../../src/engine/state.ts';
import { RESULT_GRACE_MS } from '../../../src/engine/stop-reason.ts';
import { viewOf } from '../../../src/engine/view.ts';
import { warningsOf } from '../../../src/engine/warnings.ts';
import { planOf, type SubtaskDraft, specOf } from '../../support/task-builder.ts';
import { Engine, failure, nameOf, type Script } from './engine.ts';

const start = (
  subtasks: (SubtaskDraft | string)[],
  script: Script = {},
  over: Record<string, unknown> = {},
) => new Engine(specOf({ gates: [], ...over }), planOf(subtasks), script);
const run = (id: string, more: object = {}) => ({ id, do: { run: [id] }, ...more });
const TEST = [{ name: 'test', run: ['npm', 'test'] }];
const FOLDER = { workspace: { kind: 'folder' } };
const working = (state: TaskState) => state.steps.filter(s => s.attempt?.phase === 'running').map(s => s.id);

describe('pipelines of commands', () => {
  it('stop at the first failure, and skip the rest', () => {
    const engine = start([run('a'), run('b', { needs: ['a'] }), run('c', { needs: ['b'] }), run('d')], {
      work: { a: [{ code: 2 }] },
    }).run();
    expect(engine.state.status).toMatchObject({ name: 'failed', subtask: 'a' });
    expect(engine.state.steps.map(s => s.status)).toEqual(['failed', 'skipped', 'skipped', 'skipped']);
    expect(engine.started).toEqual(['a/1']);
  });

  it('on_fail: continue runs all that do not need it, however many fail', () => {
    const ids = ['a', 'b', 'c', 'd', 'e', 'f', 'g'];
    const work = Object.fromEntries(ids.slice(0, 6).map(id => [id, [{ code: 1 }]]));
    const engine = start(
      ids.map(id => run(id, { on_fail: 'continue' })),
      { work },
      FOLDER,
    ).run();
    expect(engine.started).toHaveLength(7);
    expect(engine.state.status).toMatchObject({ name: 'failed', subtask: 'a' });
  });

  it('skips dependents first: a half recorded end makes room for nobody', () => {
    const engine = start(
      [run('a', { on_fail: 'continue' }), run('b', { needs: ['a'] }), run('c', { needs: ['b'] })],
      { work: { a: [{ code: 1 }] } },
    ).run();
    expect(engine.events.flatMap(e => (e.type === 'step_skipped' ? [e.step] : []))).toEqual(['c', 'b']);
  });

  it('side by side, up to the limit', () => {
    const engine = start([run('a'), run('b'), run('c')], {}, { ...FOLDER, limits: { parallel: 2 } });
    engine.frozen = true;
    engine.run(state => working(state).length === 2);
    expect(working(engine.state)).toEqual(['a', 'b']);
    engine.frozen = false;
    expect(engine.run().state.status.name).toBe('completed');
  });

  it('side by side in git: each names a commit, made when the last one is out', () => {
    const engine = start(
      [run('a'), run('b')],
      { work: { b: [{ hangs: true }, {}] } },
      { limits: { parallel: 2 } },
    );
    engine.run(state => state.steps[0]!.attempt?.phase === 'ended' && working(state).includes('b'));
    expect(engine.look().map(e => e.type)).toEqual([]);
    engine.stop().run();
    expect(engine.step('a')).toMatchObject({ status: 'completed', commit: 'commit a/1' });
    expect(
      engine
        .resume()
        .run()
        .state.good.map(g => [g.k, g.step]),
    ).toEqual([
      [1, 'a'],
      [2, 'b'],
    ]);
  });

  it('the second comes in when the worktree is ready for the first', () => {
    const engine = start([run('a'), run('b')], {}, { limits: { parallel: 2 } });
    expect(engine.look().map(e => e.key)).toEqual(['prepare:a/1-n']);
  });
});

describe('an agent that has left its result and does not end', () => {
  const GATED = { gates: { test: [0, 1, 0] } };
  it('is ended after a silence, and its work judged like any other', () => {
    const began = start(
      ['a'],
      { work: { a: [{ hung: true, claim: { status: 'done' } }] }, ...GATED },
      { gates: TEST },
    );
    const at = began.now;
    const engine = began.run(state => stepOf(state, 'a').history.length > 0);
    expect(engine.now - at).toBe(RESULT_GRACE_MS);
    expect(engine.events.find(e => e.type === 'attempt_stopping')).toMatchObject({ reason: 'result' });
    expect(
      engine
        .run()
        .step('a')
        .history.map(h => h.outcome),
    ).toEqual(['gate_failed', 'ok']);
  });

  it('is believed where its words speak against it', () => {
    const work = { a: [{ hung: true, claim: { status: 'limit' as const } }, {}] };
    const engine = start(['a'], { work }, { limits: { wait: true } }).run();
    expect(engine.step('a').history.map(h => h.outcome)).toEqual(['limit', 'ok']);
  });
});

describe('what an attempt starts from', () => {
  it('what its predecessor left, once; then the last good commit', () => {
    const engine = start(['a'], { gates: { test: [0, 1, 1, 1, 0] } }, { gates: TEST }).run();
    const from = engine.events.flatMap(e => (e.type === 'attempt_created' && e.step === 'a' ? [e.from] : []));
    expect(from).toEqual(['base', 'commit a/1', 'base', 'commit a/3']);
  });

  it('what was cut short through no fault of its own, however often; not what was lost', () => {
    const claim = (status: 'limit' | 'auth') => ({ claim: { status } });
    const work = [
      claim('limit'),
      claim('limit'),
      { code: 1 },
      claim('limit'),
      { code: 1 },
      { lost: true },
      {},
    ];
    const engine = start(['a'], { work: { a: work } }, { gates: TEST, limits: { wait: true } }).run();
    const from = engine.events.flatMap(e => (e.type === 'attempt_created' && e.step === 'a' ? [e.from] : []));
    expect(from).toEqual(['base', 'commit a/1', 'commit a/2', 'commit a/3', 'commit a/4', 'base', 'base']);
  });

  it('the last good commit, when another step made one meanwhile', () => {
    const engine = start([run('a', { attempts: 2, on_fail: 'continue' }), run('b')], {
      work: { a: [{ code: 1 }, {}] },
    }).run();
    const from = engine.events.flatMap(e =>
      e.type === 'attempt_created' ? [`${e.step}/${e.n} ${e.from}`] : [],
    );
    expect(from).toEqual(['a/1 null', 'b/1 base', 'a/2 commit b/1']);
  });
});

describe('stop and resume', () => {
  it('during prepare: nothing is launched', () => {
    const engine = start(['a']);
    expect(engine.look()[0]!.type).toBe('prepare');
    engine.stop().run();
    expect(engine.started).toEqual([]);
    expect(engine.state.status.name).toBe('interrupted');
  });

  it('during gates: the work is kept, and the gate is run again', () => {
    const engine = start(['a'], { gates: { test: [0, 'hang', 0] } }, { gates: TEST });
    engine.run(() => engine.started.includes('a/1/gates/2.1'));
    engine.stop().run();
    expect(engine.state.status.name).toBe('interrupted');
    expect(engine.step('a').attempt).toMatchObject({ n: 1, phase: 'sealed' });
    engine.resume().run();
    expect(engine.state.status.name).toBe('completed');
    expect(engine.step('a').attempts).toBe(1);
  });

  it('taken back before it came to rest: the stopped attempt is made again', () => {
    const engine = start(['a'], { work: { a: [{ hangs: true }, {}] } });
    engine.run(state => working(state).length === 1).stop();
    engine.look();
    engine.add({ type: 'want_changed', want: 'run', force: false, op: null, by: 'user' }).run();
    expect(engine.step('a').history.map(h => h.outcome)).toEqual(['killed', 'ok']);
    expect(engine.state.status.name).toBe('completed');
  });

  it('cancel while gates run ends them, and is final', () => {
    const engine = start(['a'], { gates: { test: [0, 'hang'] } }, { gates: TEST });
    engine.run(() => engine.started.includes('a/1/gates/2.1'));
    engine.stop('cancel').run();
    expect(engine.state.status.name).toBe('cancelled');
    expect(engine.events.filter(e => e.type === 'gate_dropped')).toHaveLength(1);
  });

  it('a blocked task stays blocked, and can be cancelled', () => {
    const engine = start(['a'], { work: { a: [{ claim: { status: 'auth', summary: 'log in' } }] } }).run();
    engine.stop().run();
    expect(engine.state.status).toMatchObject({ name: 'blocked', why: 'auth' });
    expect(engine.stop('cancel').run().state.status.name).toBe('cancelled');
  });

  it.each([
    ['an attempt', 'a/1', { work: { a: [{ hangs: true }] } }],
    ['a gate', 'a/1/gates/2.1', { gates: { test: [0, 'hang' as const] } }],
  ])(
    '%s of an earlier boot is ended at once, whatever a torn record makes it look like',
    (_what, job, script) => {
      const engine = start(['a'], script, { gates: TEST });
      engine.run(() => engine.started.includes(job));
      // Not reboot(): there nothing looks alive.
      engine.boot += '+';
      engine.claim();
      expect(engine.look().map(e => ({ ...e, job: 'job' in e ? nameOf(e.job) : null }))).toMatchObject([
        { type: 'end', job, kill: null },
      ]);
    },
  );

  it('work that ended well but was not sealed before the machine went down is made again', () => {
    const engine = start(['a', 'b']);
    engine.run(state => state.steps.some(s => s.id === 'b' && s.attempt?.phase === 'ended'));
    engine.reboot().run();
    expect(engine.step('b').history.map(h => h.outcome)).toEqual(['lost', 'ok']);
    expect(engine.step('a').attempts).toBe(1);
    expect(engine.state.status).toMatchObject({ name: 'completed', commit: 'commit b/2' });
  });

  it('work that was sealed before is not', () => {
    const engine = start(['a'], {}, { gates: TEST });
    engine.run(state => state.steps.some(s => s.id === 'a' && s.attempt?.phase === 'sealed'));
    engine.reboot().run();
    expect(engine.step('a').history.map(h => h.outcome)).toEqual(['ok']);
  });

  it('auto_resume: false waits for a person after a reboot', () => {
    const engine = start(['a'], { work: { a: [{ hangs: true }, {}] } }, { auto_resume: false });
    engine.run(state => working(state).length === 1);
    engine.add({ type: 'want_changed', want: 'stop', force: false, op: null, by: 'reboot' }).reboot().run();
    expect(engine.state.status).toEqual({ name: 'interrupted', by: 'reboot' });
    expect(engine.resume().run().state.status.name).toBe('completed');
  });
});

describe('usage limits in a row', () => {
  const limited = (count: number, more: object = {}) =>
    Array.from({ length: count }, () => ({ claim: { status: 'limit' as const }, ...more }));
  const start7 = (more: object) =>
    start(['a'], { work: { a: [...limited(7, more), {}] } }, { limits: { wait: true } }).run();

  it('each with work of its own are no row', () => {
    const engine = start7({});
    expect(engine.state.status.name).toBe('completed');
    expect(engine.step('a').history).toHaveLength(8);
  });

  it('that come to nothing are for a person to look at', () => {
    expect(start7({ idle: true }).state.status).toMatchObject({ name: 'blocked', why: 'budget' });
  });
});

describe('limits of a task', () => {
  it('max_iterations blocks, and resume allows as many again', () => {
    const engine = start(['a', 'b', 'c'], {}, { limits: { max_iterations: 2 } }).run();
    expect(engine.state.status).toMatchObject({
      name: 'blocked',
      why: 'budget',
      message: 'max_iterations (2) reached',
    });
    expect(engine.resume().run().state.status.name).toBe('completed');
  });

  it('max_iterations holds side by side', () => {
    const limits = { max_iterations: 3, parallel: 2 };
    const engine = start([run('a'), run('b'), run('c'), run('d'), run('e')], {}, { ...FOLDER, limits }).run();
    expect(engine.state.iterations).toBe(3);
  });

  it('max_runtime stops what runs; what is proven by gates counts, the rest waits for a person', () => {
    const limits = { max_runtime_seconds: 60, session_timeout_seconds: null, idle_timeout_seconds: null };
    const engine = start(['a', 'b'], { work: { a: [{ hangs: true }] } }, { limits }).run();
    expect(engine.step('a').history.map(h => h.outcome)).toEqual(['budget']);
    expect(engine.state.status).toMatchObject({ name: 'blocked', why: 'budget' });
    const gated = start(['a'], { work: { a: [{ hangs: true }] } }, { limits, gates: TEST }).run();
    expect(gated.step('a').status).toBe('completed');
  });

  it('a red baseline is a matter of configuration; allowed, it is tolerated and nothing is verified', () => {
    const script = { gates: { test: [1] } };
    expect(start(['a'], script, { gates: TEST }).run().state.status).toMatchObject({
      name: 'blocked',
      why: 'config',
      subtask: '_baseline',
    });
    const allowed = start(['a'], script, { gates: TEST, baseline: 'allow' }).run();
    expect(allowed.state.status).toMatchObject({ name: 'completed', verified: false });
  });
});

describe('what a plan calls completed', () => {
  const claimed = (id: string, more: object = {}) => ({ id, claimed_completed: true, ...more });

  it('is completed where the gates bear it out, without a session; the rest is done', () => {
    const engine = start([claimed('a'), 'b'], {}, { gates: TEST }).run();
    expect(engine.state.status).toMatchObject({ name: 'completed', verified: true });
    expect(engine.started).not.toContain('a/1');
    expect(engine.started).toContain('b/1');
    expect(engine.step('a')).toMatchObject({
      status: 'completed',
      counted: 0,
      commit: engine.state.workspace!.base,
    });
    expect(engine.state.iterations).toBe(1);
  });

  it('is done where a gate of it is red, which is nobody’s failure; the session is told what is red', () => {
    const own = { gates: [{ name: 'own', run: ['own'] }] };
    const engine = start(
      [claimed('a', own)],
      { gates: { own: [1, 0] } },
      { gates: TEST, limits: { attempts: 1, max_consecutive_failures: 1 } },
    ).run();
    expect(engine.state.status).toMatchObject({ name: 'completed', verified: true });
    expect(engine.started).toContain('a/2');
    expect(engine.step('a').history).toMatchObject([
      { work: false, outcome: 'gate_failed', gate: 'own' },
      { work: true, outcome: 'ok' },
    ]);
  });

  it('is not believed on a red gate that is tolerated elsewhere, nor where there are no gates', () => {
    const red = start([claimed('a')], { gates: { test: [1] } }, { gates: TEST, baseline: 'allow' }).run();
    expect(red.started).toContain('a/2');
    const none = start([claimed('a')]).run();
    expect(none.started).toEqual(['a/1']);
  });

  it('is asked again when the gates could not be run, and never after a person wants it done', () => {
    const engine = start([claimed('a')], { gates: { test: [0, 'hang', 0] } }, { gates: TEST });
    engine.run(state => state.steps.some(s => s.id === 'a' && s.attempt?.gates.some(g => g.live)));
    engine.stop().run();
    engine.resume().run();
    expect(engine.started).toEqual(expect.not.arrayContaining(['a/1', 'a/2']));
    expect(engine.state.status.name).toBe('completed');
    const again = start([claimed('a'), 'b'], { work: { b: [{ hit: 'x' }] } }, { gates: TEST }).run();
    again.add({ type: 'step_reset', step: 'a', reason: 'a person asked' });
    again.resume().run();
    expect(again.started).toContain('a/2');
  });
});

describe('the tests of the base commit', () => {
  const judge = { enabled: true, per_subtask: false, max_loops: 3, recurring_issue_threshold: 3 };
  const over = { gates: TEST, base_tests: true, review: judge };
  const names = (engine: Engine) =>
    engine.events.flatMap(e => (e.type === 'gate_ended' && e.step === '_final' ? [e.evidence.name] : []));

  it('are run when today’s have passed, and before anybody judges', () => {
    const engine = start(['a'], {}, over).run();
    expect(names(engine)).toEqual(['test', 'base_tests:test', 'review']);
    expect(engine.state.status).toMatchObject({ name: 'completed', verified: true });
  });

  it('red, they are for a person to look at, with their names; who goes on has accepted that commit', () => {
    const engine = start(['a', 'b'], { gates: { 'base_tests:test': [1] } }, over).run();
    expect(engine.state.status).toMatchObject({
      name: 'blocked',
      why: 'review',
      subtask: '_final',
      message: '_final, attempt 1: base_tests:test gate: exit code 1',
    });
    expect(engine.events.findLast(e => e.type === 'gate_ended')).toMatchObject({
      evidence: { needs_person: true, findings: [{ kind: 'base_test', path: 'test/a.test.js' }] },
    });
    expect(engine.started).not.toContain('_fix/1');
    engine.resume().run();
    expect(engine.state.status).toMatchObject({ name: 'completed', verified: true });
    expect(engine.state.accepted).toBe(engine.state.good.at(-1)!.commit);
  });

  it('accepted on one commit are not accepted on the next', () => {
    const engine = start(['a'], { gates: { 'base_tests:test': [1] } }, over).run();
    engine.resume();
    // The work goes on before the final check has been made again.
    const { commit } = engine.state.good.at(-1)!;
    engine.add({ type: 'rolled_back', commit: engine.state.workspace!.base, steps: ['a', '_final'] }).run();
    expect(engine.state.good.at(-1)!.commit).not.toBe(commit);
    expect(engine.state.status).toMatchObject({ name: 'blocked', why: 'review', subtask: '_final' });
  });

  it('another block, and another answer to it, accept nothing', () => {
    const engine = start(['a'], { work: { a: [{ hit: 'rasen.yml was changed' }, {}] } }, over).run();
    engine.resume().run();
    expect(engine.state).toMatchObject({ accepted: null, status: { name: 'completed' } });
  });

  it('that were red before any change are tolerated as the gate is', () => {
    const red = { test: [1], 'base_tests:test': [1] };
    const engine = start(['a'], { gates: red }, { ...over, baseline: 'allow' }).run();
    expect(engine.state.status).toMatchObject({ name: 'completed', verified: false });
  });

  it('are nothing where there are no sessions of agents', () => {
    expect(names(start([run('a')], {}, over).run())).toEqual(['test']);
  });
});

describe('the gate configuration of before', () => {
  const judge = { enabled: true, per_subtask: true, max_loops: 3, recurring_issue_threshold: 3 };
  const touches = (script: Script = {}, over: Record<string, unknown> = {}) => {
    const engine = start(['a'], script, { gates: TEST, mutation_check: false, ...over });
    engine.config = ['Makefile', 'package.json', '.npmrc'];
    return engine;
  };
  const ended = (engine: Engine, step: string) =>
    engine.events.flatMap(e => (e.type === 'gate_ended' && e.step === step ? [e.evidence.name] : []));

  it('is asked about where it was changed: in the step and at the end, before anybody judges', () => {
    const engine = touches({}, { review: judge }).run();
    expect(ended(engine, 'a')).toEqual(['clean', 'diff', 'test', 'base_config:test', 'review']);
    expect(ended(engine, '_final')).toEqual(['test', 'base_config:test']);
    expect(engine.state.status).toMatchObject({ name: 'completed', verified: true });
    expect(ended(start(['a'], {}, { gates: TEST }).run(), 'a')).toEqual(['clean', 'diff', 'test']);
  });

  it('red, a person is asked with the files; who goes on approves of them, and the work is kept', () => {
    const engine = touches({ gates: { 'base_config:test': [1] } }).run();
    expect(engine.state.status).toMatchObject({
      name: 'blocked',
      why: 'review',
      subtask: 'a',
      message:
        'a, attempt 1: base_config:test gate: exit code 1 with Makefile, package.json and 1 more as before the task',
    });
    const { commit } = engine.state.steps.find(s => s.id === 'a')!.history[0]!;
    engine.config = [];
    engine.resume().run();
    expect(engine.state.approved).toBe(commit);
    expect(engine.events.findLast(e => e.type === 'attempt_created' && e.step === 'a')).toMatchObject({
      from: commit,
    });
    expect(engine.state.status.name).toBe('completed');
  });

  it('done again, nothing is approved, and the work starts from the last good commit', () => {
    const engine = touches({ gates: { 'base_config:test': [1] } }).run();
    engine.add({ type: 'step_reset', step: 'a', reason: 'retry' }).resume().run();
    expect(engine.state.approved).toBeUndefined();
    expect(engine.events.findLast(e => e.type === 'attempt_created' && e.step === 'a')).toMatchObject({
      from: 'base',
    });
  });

  it('what is red as it is, and tolerated, is not asked twice', () => {
    const engine = touches({ gates: { test: [1] } }, { baseline: 'allow' }).run();
    expect(ended(engine, 'a')).toEqual(['clean', 'diff', 'test']);
    expect(engine.state.status).toMatchObject({ name: 'completed', verified: false });
  });

  it('green with today’s alone is not tolerated, whatever it was before', () => {
    const gates = { test: [1, 0], 'base_config:test': [1] };
    const engine = touches({ gates }, { baseline: 'allow' }).run();
    expect(engine.state.status).toMatchObject({ name: 'blocked', why: 'review', subtask: 'a' });
  });
});

describe('whether a gate sees the change', () => {
  const BOTH = [...TEST, { name: 'lint', run: ['npm', 'run', 'lint'] }];
  const asks = (script: Script = {}, over: Record<string, unknown> = {}) => {
    const engine = start(['a'], script, { gates: BOTH, ...over });
    engine.sources = 1;
    return engine;
  };
  const ended = (engine: Engine) =>
    engine.events.flatMap(e => (e.type === 'gate_ended' && e.step === '_final' ? [e.evidence.name] : []));
  const said = (engine: Engine) => viewOf(engine.state, null, engine.now).verified_but;

  it('is asked last, until one fails', () => {
    const engine = asks({ gates: { 'mutation:test': [1] } }).run();
    expect(ended(engine)).toEqual(['test', 'lint', 'mutation:test']);
    expect(engine.state.mutation).toMatchObject({ seen_by: 'test', blind: [] });
    expect([engine.state.status, said(engine)]).toMatchObject([{ verified: true }, null]);
  });

  it('if none does, that is said, and is no failure', () => {
    const engine = asks().run();
    expect(ended(engine)).toEqual(['test', 'lint', 'mutation:test', 'mutation:lint']);
    expect(engine.state.status).toMatchObject({ name: 'completed', verified: true });
    expect(said(engine)).toBe('no gate sees this change: without it, test, lint pass as well');
    expect(engine.state.steps.find(s => s.kind === 'final')).toMatchObject({ attempts: 1 });
    expect(warningsOf(engine.state)).toContain(said(engine));
  });

  it('what was turned green by tests alone verifies nothing; it is asked first, and whatever others say', () => {
    const red = { gates: { lint: [1, 0], 'mutation:lint': [0], 'mutation:test': [1] } };
    const engine = asks(red, { baseline: 'allow' }).run();
    expect(ended(engine)).toEqual(['test', 'lint', 'mutation:lint', 'mutation:test']);
    expect(engine.state.status).toMatchObject({ name: 'completed', verified: false });
    expect(said(engine)).toBe(
      'lint failed before the task, and passes now by changes to tests and configuration alone',
    );
    const other = asks({ gates: { lint: [1, 0], 'mutation:lint': [1] } }, { baseline: 'allow' }).run();
    expect(ended(other)).toEqual(['test', 'lint', 'mutation:lint']);
    expect(other.state.status).toMatchObject({ verified: true });
  });

  it('where no source was changed nothing is run to know it', () => {
    const engine = asks({ gates: { lint: [1, 0] } }, { baseline: 'allow' });
    engine.sources = 0;
    expect(ended(engine.run())).toEqual(['test', 'lint']);
    expect(engine.state.status).toMatchObject({ name: 'completed', verified: false });
  });

  it('a machine that loses it again and again, or a setup that fails, makes it unknown and holds up nothing', () => {
    const lost = asks({ gates: { 'mutation:test': ['lost'] } }).run();
    expect(lost.state.status).toMatchObject({ name: 'completed', verified: true });
    expect(said(lost)).toMatch(/^whether a gate sees this change is not known: test could not be asked/);
    const over = { setup: ['npm', 'ci'] };
    const unready = asks({ gates: { 'mutation:setup': [1] } }, over).run();
    expect(ended(unready).slice(-1)).toEqual(['mutation:setup']);
    expect(said(unready)).toMatch(/not known: mutation:setup/);
  });

  it('is never asked where nobody wants it, and where there are no gates', () => {
    expect(ended(asks({}, { mutation_check: false }).run())).toEqual(['test', 'lint']);
    const none = asks({}, { gates: [], setup: ['npm', 'ci'] }).run();
    expect([none.started.filter(job => job.includes('mutation')), said(none)]).toEqual([[], null]);
  });
});

describe('nobody waits for nobody', () => {
  it('little disk space: waits, is looked at again, and goes on', () => {
    const engine = start(['a']);
    engine.disk_low = true;
    engine.run(state => state.status.name === 'waiting');
    const { now } = engine;
    engine.run(() => engine.now > now + 3_600_000);
    expect(engine.events.filter(e => e.type === 'task_waiting').length).toBeLessThan(8);
    engine.disk_low = false;
    expect(engine.run().state.status.name).toBe('completed');
  });

  it('other tasks come first: waits, says so once, and goes on', () => {
    const engine = start(['a']);
    const turn = (message: string, lost = false) => ({ why: 'after' as const, message, lost });
    engine.turn = turn('it comes after x, y');
    engine.run();
    expect(engine.run().state.status).toMatchObject({ name: 'waiting', why: 'after' });
    expect(engine.started).toEqual([]);
    engine.turn = turn('it comes after y');
    engine.run();
    expect(engine.events.filter(e => e.type === 'task_waiting').map(e => e.message)).toEqual([
      'it comes after x, y',
      'it comes after y',
    ]);
    engine.turn = null;
    expect(engine.run().state.status.name).toBe('completed');
  });

  it('a task before it is lost: blocked, resumed it is again, and it goes on once that is completed', () => {
    const engine = start(['a']);
    engine.turn = { why: 'after', message: 'it comes after x, which failed', lost: true };
    expect(engine.run().state.status).toMatchObject({
      name: 'blocked',
      why: 'after',
      message: 'it comes after x, which failed',
    });
    engine.resume();
    expect(engine.run().state.status).toMatchObject({ name: 'blocked', why: 'after' });
    expect(engine.started).toEqual([]);
    engine.turn = null;
    expect(engine.run().state.status.name).toBe('completed');
  });

  it('no place in its group while a person stops and resumes it: it waits before it goes on', () => {
    const engine = start(['a', 'b'], { work: { a: [{ hangs: true }] } });
    engine.run(state => state.steps.some(s => s.attempt?.phase === 'running'));
    engine.turn = { why: 'group', message: 'group g runs one task at a time', lost: false };
    // What has a place keeps it.
    expect(engine.state.status.name).toBe('running');
    engine.stop().run();
    engine.resume();
    expect(engine.run().state.status).toMatchObject({ name: 'waiting', why: 'group' });
  });

  it('little disk space between work and gates', () => {
    const engine = start(['a'], {}, { gates: TEST });
    engine.run(state => state.steps.some(s => s.id === 'a' && s.attempt?.phase === 'sealed'));
    engine.disk_low = true;
    engine.run(state => state.status.name === 'waiting');
    expect(engine.state.status).toMatchObject({ name: 'waiting', why: 'disk' });
    engine.disk_low = false;
    expect(engine.run().state.status.name).toBe('completed');
  });

  it('a clock that was set back does not make a pause long', () => {
    const engine = start(['a', 'b'], { work: { a: [{ code: 1 }, {}] } });
    engine.run(state => state.steps.some(s => s.retry_at !== null));
    engine.now -= 24 * 3_600_000;
    const before = engine.now;
    engine.run();
    expect(engine.state.status.name).toBe('completed');
    expect(engine.now - before).toBeLessThan(60_000);
  });

  it('lost three times', () => {
    const engine = start([run('a')], { work: { a: [{ lost: true }] } }).run();
    expect(engine.state.status).toMatchObject({ name: 'blocked', why: 'config' });
    expect(engine.started).toHaveLength(3);
  });

  it('on_lost: fail runs nothing twice', () => {
    const engine = start([run('a', { on_lost: 'fail' })], { work: { a: [{ lost: true }] } }).run();
    expect(engine.started).toHaveLength(1);
    expect(engine.state.status).toMatchObject({ name: 'failed', subtask: 'a' });
  });

  it('a diff hit is a matter of a person', () => {
    const engine = start(['a'], { work: { a: [{ hit: 'rasen.yml was changed' }] } }).run();
    expect(engine.state.status).toMatchObject({ name: 'blocked', why: 'review', subtask: 'a' });
  });
});

describe('batches of which only a part is durable', () => {
  /** The same journal, cut after the last event of this type; a supervisor goes on from it. */
  const torn = (engine: Engine, last: string) => {
    const again = start(['a', 'b']);
    const end = engine.events.findLastIndex(e => e.type === last);
    again.events.length = 0;
    again.add(...(engine.events.slice(2, end + 1) as NewEvent[]));
    return again;
  };

  it('an attempt that ended well completes its step, and is not made again', () => {
    const engine = start(['a', 'b']);
    engine.run(state => state.steps[0]!.history.length === 1);
    const again = torn(engine, 'attempt_closed');
    expect(again.step('a')).toMatchObject({
      status: 'pending',
      passed: { commit: 'commit a/1', good: true },
    });
    again.run();
    expect(again.started).toEqual(['b/1']);
    expect(again.step('a')).toMatchObject({ status: 'completed', commit: 'commit a/1' });
    expect(again.state.status.name).toBe('completed');
  });

  it('a plan comes before the end of its attempt', () => {
    const engine = new Engine(specOf({ plan: null, gates: [] }), null);
    engine.run(state => state.steps[0]!.attempt?.phase === 'ended');
    const effect = engine.look()[0]!;
    const plan = planOf(['a']);
    const events = settle(
      engine.state,
      effect,
      { type: 'accept_plan', accepted: { plan, sha256: '' }, problem: null },
      engine.now,
    )!;
    expect(events.map(e => e.type)).toEqual(['plan_frozen', 'attempt_closed', 'step_completed']);
    engine.add(events[0]!).run();
    expect(engine.started).toEqual(['_plan/1', 'a/1']);
    expect(engine.state.status.name).toBe('completed');
  });

  it('a planner that is done without a plan plans again', () => {
    const engine = new Engine(specOf({ plan: null, gates: [] }), null);
    engine.add({ type: 'step_completed', step: '_plan', commit: null, good: null });
    engine.look();
    expect(engine.step('_plan').status).toBe('in_progress');
  });
});

describe('settle', () => {
  it('takes no result of an attempt that is over', () => {
    const engine = start(['a']);
    const [prepare] = engine.look();
    engine.stop('cancel').run();
    expect(
      settle(engine.state, prepare!, { type: 'prepare', workspace: null, record_key: 'k' }, engine.now),
    ).toBeNull();
  });

  it('a launch that fails while the attempt is being stopped is left to the stop', () => {
    const engine = start(['a']);
    engine.run(state => state.steps[0]!.attempt?.phase === 'prepared');
    const [launch] = engine.look();
    engine.stop();
    engine.look();
    expect(settleFailure(engine.state, launch!, failure('no'), engine.now)).toEqual([]);
  });

  it('a launch that fails is swept before the attempt is closed: a runner may be on its way', () => {
    const engine = start(['a']);
    engine.run(state => state.steps[0]!.attempt?.phase === 'prepared');
    engine.add(...settleFailure(engine.state, engine.look()[0]!, failure('no processes left'), engine.now)!);
    const [effect] = engine.look();
    expect(effect).toMatchObject({ type: 'end', job: 'a/1-n', kill: 'grace' });
    engine.run();
    expect(engine.state.status).toMatchObject({ name: 'blocked', why: 'config' });
  });

  it('a final check of an older commit is made again', () => {
    const engine = start(['a', 'b'], {}, { gates: TEST });
    engine.run(state => state.steps.find(s => s.kind === 'final')!.attempt !== null);
    engine.add({ type: 'step_reset', step: 'b', reason: 'retry' }).run();
    expect(engine.state.status).toMatchObject({ name: 'completed', commit: 'commit b/2' });
    expect(engine.step('_final').commit).toBe('commit b/2');
  });
});

describe('a suspension', () => {
  it('ends what was prepared and not launched yet, without a penalty', () => {
    const engine = start([run('a')]);
    engine.run(state => state.steps[0]!.attempt?.phase === 'prepared');
    engine.suspending = true;
    engine.draining = true;
    engine.run();
    expect(engine.started).toEqual([]);
    expect(engine.state.steps[0]!.attempt).toBeNull();
    expect(engine.state.steps[0]!.history.map(h => h.outcome)).toEqual(['killed']);
    engine.suspending = false;
    engine.draining = false;
    expect(engine.run().state.status.name).toBe('completed');
  });
});
