/** When `setup` runs, and what follows where it fails: in the worktree, and in every checkout that judges. */
import { describe, expect, it } from 'vitest';
import { fold } from '../../../src/engine/fold.ts';
import { setupInputs } from '../../../src/engine/setup-inputs.ts';
import type { TaskState } from '../../../src/engine/state.ts';
import { planOf, type SubtaskDraft, specOf } from '../../support/task-builder.ts';
import { Engine, type Script } from './engine.ts';

const NPM = { setup: ['npm', 'ci'] };
const start = (script: Script = {}, over: object = {}, subtasks: (SubtaskDraft | string)[] = ['a']) =>
  new Engine(specOf({ ...NPM, ...over }), planOf(subtasks), script);
/** What ran in a process, in order, with gates by their names. */
const ran = (engine: Engine) =>
  engine.events.flatMap(e => {
    if (e.type === 'attempt_started') return [e.step];
    return e.type === 'gate_ended' && e.evidence.kind !== 'clean' && e.evidence.kind !== 'diff'
      ? [`${e.step}:${e.evidence.name}${e.evidence.passed ? '' : '!'}`]
      : [];
  });
const JUDGES = { review: { enabled: true, per_subtask: false, max_loops: 3, recurring_issue_threshold: 3 } };

describe('setup', () => {
  it('runs in the worktree, and in the checkout of the final check', () => {
    const engine = start().run();
    expect(ran(engine)).toEqual(['_setup', '_baseline:test', 'a', 'a:test', '_final:setup', '_final:test']);
    expect(engine.state.status).toMatchObject({ name: 'completed', verified: true });
  });

  it('runs in each checkout of its own: tests of the base, review, QA', () => {
    const over = { ...JUDGES, base_tests: true, qa: { ...JUDGES.review, max_loops: 50 } };
    expect(ran(start({}, over).run()).slice(4)).toEqual([
      ...['_final:setup', '_final:test', '_final:base_tests:setup', '_final:base_tests:test'],
      ...['_final:review:setup', '_final:review', '_final:qa:setup', '_final:qa'],
    ]);
  });

  it('runs again after work that changed the lock file, before the gates, and not after work that did not', () => {
    const work = { a: [{ lock: 'new' }], b: [{}] };
    const engine = start({ work }, {}, ['a', { id: 'b', needs: ['a'] }]).run();
    expect(ran(engine).slice(2)).toEqual([
      ...['a', 'a:setup', 'a:test', 'b', 'b:test', '_final:setup', '_final:test'],
    ]);
  });

  it('that the work broke is for the next attempt to mend, and is asked again there', () => {
    const work = { a: [{ lock: 'torn' }, {}] };
    const engine = start({ work, gates: { setup: [1, 0] } }).run();
    expect(ran(engine).slice(2, 7)).toEqual(['a', 'a:setup!', 'a', 'a:setup', 'a:test']);
    expect(engine.step('a').history[0]).toMatchObject({ outcome: 'gate_failed', gate: 'setup' });
    expect(engine.state.status.name).toBe('completed');
  });

  it('that fails beside the worktree alone needs a person, and no session', () => {
    const engine = start({ gates: { setup: [1, 0] } }).run();
    expect(engine.state.status).toMatchObject({ name: 'blocked', why: 'config' });
    expect(JSON.stringify(engine.state.status)).toContain('setup failed in a fresh checkout (exit code 1)');
    expect(engine.step('_fix').attempts).toBe(0);
    engine.resume().run();
    expect(engine.state.status).toMatchObject({ name: 'completed', verified: true });
  });

  it('of the worktree that fails is a failed step, before any session', () => {
    const engine = start({ work: { _setup: [{ code: 3 }] } }).run();
    expect(engine.state.status).toMatchObject({ name: 'blocked', why: 'config', subtask: '_setup' });
    expect(engine.started).toEqual(['_setup/1']);
  });

  it('runs once more where an attempt goes back to the good commit, and is not for what is half done', () => {
    const work = { a: [{ lock: 'new' }, {}, {}] };
    const engine = start({ work, gates: { test: [0, 1, 1, 0] } }).run();
    // The second goes on from the work of the first, the third from the commit before.
    const at = ran(engine).slice(2);
    expect(at).toEqual([
      ...['a', 'a:setup', 'a:test!', 'a', 'a:test!', '_setup', 'a', 'a:test'],
      ...['_final:setup', '_final:test'],
    ]);
    expect(engine.events.find(e => e.type === 'step_reset')).toMatchObject({ step: '_setup' });
  });

  it('runs once more after a power cut, for the gates that are left', () => {
    const engine = start();
    engine.run(state => isLive(state, '_final', 1));
    engine.reboot().run();
    expect(ran(engine).slice(4)).toEqual(['_final:setup', '_final:setup', '_final:test']);
    expect(engine.state.status.name).toBe('completed');
  });

  it('runs once more for a judge that could not judge: each try has a checkout that nobody was in', () => {
    const review = [{ approves: false, unable: 'overloaded' as const }, 'approved' as const];
    const engine = start({ gates: { review } }, JUDGES).run();
    expect(ran(engine).filter(name => name.includes('review'))).toEqual([
      ...['_final:review:setup', '_final:review:setup', '_final:review'],
    ]);
  });

  it('is not asked for where there is none, nor outside of git', () => {
    expect(ran(start({}, { setup: null }).run())).toEqual(['_baseline:test', 'a', 'a:test', '_final:test']);
    const folder = start({}, { workspace: { kind: 'folder' } }).run();
    expect(ran(folder).filter(name => name.includes('setup'))).toEqual([]);
  });

  it('of a task of an earlier release goes on as it did until an attempt is prepared anew', () => {
    const { events } = start().run(state => isLive(state, '_final', 1));
    const engine = new Engine(specOf(NPM), null);
    let { state } = engine;
    for (const { ...event } of events.slice(1)) {
      if (event.type === 'attempt_prepared') delete event.setup;
      if (event.type === 'attempt_sealed') event.sealed = { ...event.sealed, setup: undefined as never };
      // Its gates were counted without setup.
      if ('gate' in event && event.step === '_final') continue;
      state = fold(state, { ...event, seq: state.seq + 1 });
    }
    engine.state = state;
    engine.run();
    expect(ran(engine).slice(-1)).toEqual(['_final:test']);
    expect(engine.state.status.name).toBe('completed');
  });
});

const isLive = (state: TaskState, step: string, gate: number) =>
  state.steps.find(s => s.id === step)?.attempt?.gates.some(g => g.gate === gate && g.live) ?? false;

describe('what setup reads', () => {
  const reads = (setup: string[], folder = '') => setupInputs(setup, folder);

  it.each([
    ...['package-lock.json', 'pnpm-lock.yaml', 'yarn.lock', 'bun.lock', 'bun.lockb', 'package.json'],
    ...['uv.lock', 'poetry.lock', 'requirements.txt', 'requirements-dev.txt', 'requirements/test.in'],
    ...['Pipfile.lock', 'pyproject.toml', 'Cargo.lock', 'Cargo.toml', 'go.sum', 'go.mod', 'Gemfile.lock'],
    ...['composer.lock', 'pkgs/web/package.json', 'my.gemspec', '.npmrc'],
  ])('%s', path => expect(reads(['npm', 'ci'])(path)).toBe(true));

  it.each(['src/index.ts', 'node_modules/x/package.json', 'vendor/y/composer.json', 'README.md', 'Makefile'])(
    'not %s',
    path => expect(reads(['npm', 'ci'])(path)).toBe(false),
  );

  it('the files that its words name, also those of a script', () => {
    expect(reads(['./bin/bootstrap', '-v'])('bin/bootstrap')).toBe(true);
    const inShell = reads(['sh', '-c', 'cd . && ./prepare.sh && make deps']);
    expect(['prepare.sh', 'Makefile', 'other.sh'].map(inShell)).toEqual([true, true, false]);
  });

  it('in a package: its own files, those below and those above, and nobody else’s', () => {
    const inWeb = reads(['sh', 'up.sh'], 'pkgs/web');
    const paths = [
      'pkgs/web/package.json',
      'package-lock.json',
      'pkgs/api/package.json',
      'up.sh',
      'pkgs/web/up.sh',
    ];
    expect(paths.map(inWeb)).toEqual([true, true, false, false, true]);
  });
});
