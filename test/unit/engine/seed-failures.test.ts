/**
 * What the original does when run (seed-parity 1.1.7, A to I), and its acceptance criteria (1.1.6) as far as they are a
 * matter of the engine: none of them happens here.
 */
import { describe, expect, it } from 'vitest';
import { viewOf } from '../../../src/engine/view.ts';
import { planOf, type SubtaskDraft, specOf } from '../../support/task-builder.ts';
import { Engine, type Script } from './engine.ts';

const start = (
  subtasks: (SubtaskDraft | string)[],
  script: Script = {},
  over: Record<string, unknown> = {},
) => new Engine(specOf({ gates: [], ...over }), planOf(subtasks), script);
const TEST = [{ name: 'test', run: ['npm', 'test'] }];
const DONE = { status: 'done' as const, summary: 'tests: pass, lint: pass' };

it('A: words that tests pass complete nothing that is verified', () => {
  const engine = start(['a'], { work: { a: [{ claim: DONE }] } }).run();
  expect(engine.state.status).toMatchObject({ name: 'completed', verified: false });
});

it('A: words against a red gate complete nothing at all (criterion 4)', () => {
  const engine = start(
    ['a'],
    { work: { a: [{ claim: DONE }] }, gates: { test: [0, 1] } },
    { gates: TEST },
  ).run();
  expect(engine.state.status).toMatchObject({ name: 'blocked', why: 'attempts' });
  expect(engine.step('a').status).toBe('failed');
});

it('A: a reviewer that writes no verdict has not approved', () => {
  const review = { enabled: true, per_subtask: false, max_loops: 2, recurring_issue_threshold: 3 };
  const engine = start(['a'], { gates: { review: [null] } }, { review }).run();
  expect(engine.state.status).toMatchObject({ name: 'blocked', subtask: '_final' });
});

it('B: a task with a failed subtask is not completed, though the rest of it is done', () => {
  const engine = start([{ id: 'a', on_fail: 'continue' }, 'b'], { work: { a: [{ code: 1 }] } }).run();
  expect(engine.step('b').status).toBe('completed');
  expect(engine.state.status).toMatchObject({ name: 'blocked', why: 'attempts', subtask: 'a' });
});

it('B: an agent that is blocked is asked after, once, and then a person is', () => {
  const engine = start(['a', 'b'], {
    work: { a: [{ claim: { status: 'blocked', summary: 'Which key?' } }] },
  }).run();
  expect(engine.state.status).toMatchObject({ name: 'blocked', why: 'question', subtask: 'a' });
  expect((engine.state.status as { message: string }).message).toContain('Which key?');
  expect(engine.step('a').attempts).toBe(2);
});

it('C: a subtask starts after what it needs', () => {
  const engine = start([{ id: 's1', needs: ['s2'] }, 's2']).run();
  expect(engine.started).toEqual(['s2/1', 's1/1']);
  expect(engine.state.status.name).toBe('completed');
});

it('D: when every session times out the allowance ends it, and the status says so (criterion 8)', () => {
  const engine = start(
    ['a'],
    { work: { a: [{ hangs: true }] } },
    { limits: { max_no_commit_sessions: 100, max_consecutive_failures: 100 } },
  ).run();
  expect(engine.step('a').history.map(h => h.outcome)).toEqual(Array.from({ length: 5 }, () => 'timeout'));
  expect(engine.state.status).toMatchObject({ name: 'blocked', why: 'attempts' });
  expect(viewOf(engine.state, 1, engine.now)).toMatchObject({
    status: 'blocked',
    exit_code: 3,
    iteration: 5,
  });
});

it('D: sessions that time out without a change are failures without progress', () => {
  const engine = start(
    ['a', 'b'],
    { work: { a: [{ hangs: true, idle: true }] } },
    { limits: { max_no_commit_sessions: 100, max_consecutive_failures: 2 } },
  ).run();
  expect(engine.state.iterations).toBe(2);
  expect(engine.state.status).toMatchObject({ name: 'blocked', why: 'attempts' });
});

it('E: fail, ok, fail, ok … is progress and goes on to the end', () => {
  const ids = Array.from({ length: 10 }, (_, i) => `s${i}`);
  const work = Object.fromEntries(ids.map(id => [id, [{ code: 1, idle: true }, {}]]));
  const engine = start(ids, { work }).run();
  expect(engine.state.iterations).toBe(20);
  expect(engine.state.status.name).toBe('completed');
});

it('G: the state is a fold over events; an agent has only its claim', () => {
  const work = { s0: [{ claim: { ...DONE, summary: 'all five subtasks are completed' } }] };
  const engine = start(['s0', 's1', 's2', 's3', 's4'], { work }).run();
  expect(engine.started).toEqual(['s0/1', 's1/1', 's2/1', 's3/1', 's4/1']);
});

it('H: three sessions on one subtask that change nothing give it up (criterion 10)', () => {
  const engine = start(['a'], { work: { a: [{ idle: true }] } }).run();
  expect(engine.step('a').attempts).toBe(3);
  expect(engine.step('a').reason).toMatch(/stalled: 3 attempts in a row changed nothing/);
  expect(engine.state.status).toMatchObject({ name: 'blocked', why: 'attempts' });
});

describe('I: stop', () => {
  it.each([false, true])('leaves no process and a state that can be resumed (force: %s)', force => {
    const engine = start(['a'], { work: { a: [{ hangs: true }, {}] } });
    engine.run(state => state.steps.some(s => s.attempt?.phase === 'running'));
    engine.stop('stop', force);
    const [effect] = engine.look();
    expect(effect).toMatchObject({ type: 'end', job: 'a/1-n', kill: force ? 'force' : 'grace' });
    expect(engine.state.status.name).toBe('running');
    engine.run();
    expect(engine.state.status).toEqual({ name: 'interrupted', by: 'user' });
    expect(engine.step('a').history.map(h => h.outcome)).toEqual(['killed']);
    expect(engine.resume().run().state.status.name).toBe('completed');
  });
});

it('criterion 3: a power cut loses an attempt and nothing else', () => {
  const engine = start(['a', 'b'], { work: { b: [{ hangs: true }, {}] } });
  engine.run(state => state.steps.some(s => s.id === 'b' && s.attempt?.phase === 'running'));
  engine.reboot().run();
  expect(engine.step('b').history.map(h => h.outcome)).toEqual(['lost', 'ok']);
  expect(engine.step('a').attempts).toBe(1);
  expect(engine.state.status.name).toBe('completed');
});

it('criterion 5: after two failures the third attempt succeeds', () => {
  const engine = start(['a'], { gates: { test: [0, 1, 1, 0] } }, { gates: TEST }).run();
  expect(engine.step('a').history.map(h => h.outcome)).toEqual(['gate_failed', 'gate_failed', 'ok']);
  expect(engine.state.status).toMatchObject({ name: 'completed', verified: true, commit: 'commit a/3' });
});

it('criterion 11: the reviewer of a subtask sends it back at most three times', () => {
  const review = { enabled: true, per_subtask: true, max_loops: 3, recurring_issue_threshold: 9 };
  const engine = start(['a'], { gates: { review: ['changes_requested', 'approved'] } }, { review }).run();
  expect(engine.step('a').history.map(h => h.outcome)).toEqual(['gate_failed', 'ok']);
  expect(engine.state.status).toMatchObject({ name: 'completed', verified: true });
});

it('criterion 12: QA over the whole sends it back to be fixed, and asks again', () => {
  const qa = { enabled: true, per_subtask: false, max_loops: 50, recurring_issue_threshold: 9 };
  const engine = start(
    ['a'],
    { gates: { qa: ['changes_requested', 'changes_requested', 'approved'] } },
    { qa },
  ).run();
  expect(engine.started.filter(job => job.startsWith('_fix'))).toEqual(['_fix/1', '_fix/2']);
  expect(engine.state.status).toMatchObject({ name: 'completed', commit: 'commit _fix/2' });
  expect(engine.step('_final').commit).toBe('commit _fix/2');
});

it('criterion 14: … also in other words, counted once per verdict', () => {
  const qa = { enabled: true, per_subtask: false, max_loops: 50, recurring_issue_threshold: 3 };
  const verdict = 'changes_requested' as const;
  const issues = [
    ['src/a.ts:3: the token never expires', 'src/a.ts:9: the token never expires', 'no manual page'],
    ['src/a.ts:14: the token still never expires'],
    ['src/a.ts:20: the token never expires'],
  ];
  const engine = start(
    ['a'],
    { gates: { qa: issues.map(list => ({ verdict, issues: list })) } },
    { qa },
  ).run();
  expect(engine.state.issues).toEqual({ 'src/a.ts:3: the token never expires': 3, 'no manual page': 1 });
  expect(engine.started.filter(job => job.startsWith('_fix'))).toHaveLength(2);
});

it('criterion 14: the same QA issue three times is a matter of a person, and is not sent back again', () => {
  const qa = { enabled: true, per_subtask: false, max_loops: 50, recurring_issue_threshold: 3 };
  const engine = start(['a'], { gates: { qa: ['changes_requested'] } }, { qa }).run();
  expect(engine.state.status).toMatchObject({ name: 'blocked', why: 'review', subtask: '_final' });
  expect(engine.started.filter(job => job.startsWith('_fix'))).toHaveLength(2);
});
