/** Plan files: every form becomes the same normal plan. */
import { describe, expect, test } from 'vitest';
import { PLAN_EXAMPLE, readPlanFile, readPlanText } from '../../../src/config/index.ts';
import { subtask as subtaskSchema } from '../../../src/contract/plan.ts';
import { data, project, refusal } from './support.ts';

const read = (text: string, path = 'plan.yml', origin: 'file' | 'planner' = 'file') =>
  readPlanFile(path, text, { task: 't1', goal: 'the goal', origin });
const only = (text: string) => read(text).plan.subtasks[0]!;

describe('the shorthand', () => {
  test('a pipeline with everything', () => {
    const { plan, goal, defaults } = read(data('plan.yml'));
    expect(goal).toBe('Build and check everything');
    expect(plan).toMatchObject({ version: 1, task: 't1', goal, source: 'file', rev: 1 });
    expect(defaults).toEqual({
      name: 'nightly',
      parallel: 2,
      base: null,
      gates: [
        { name: 'make check', run: ['make', 'check'], timeout_seconds: 600, ok: [0] },
        { name: 'audit', run: ['npm', 'audit'], timeout_seconds: 120, ok: [0, 1] },
      ],
      pass_env: [],
      secrets: {},
    });
    const [build, check, pack] = plan.subtasks;
    expect(build).toMatchObject({ id: 'build', do: { run: ['npm', 'run', 'build'] }, timeout_seconds: 3600 });
    expect(build!.env).toEqual({ CI: 'true', LEVEL: '3' });
    expect(check).toMatchObject({
      needs: ['build'],
      timeout_seconds: 600,
      idle_timeout_seconds: 90,
      attempts: 2,
    });
    expect(check!.env).toEqual({ CI: 'true', LEVEL: '4' });
    expect(pack).toMatchObject({
      do: { run: ['/bin/sh', '-c', 'tar -c dist | gzip > dist.tgz'] },
      needs: ['build', 'test'],
      on_fail: 'continue',
    });
  });

  test.each([
    ['run', 'subtasks: [{id: a, run: [x, 1, 1.10, true]}]', { do: { run: ['x', '1', '1.10', 'true'] } }],
    ['do', 'subtasks: [{id: a, do: {run: [x]}}]', { do: { run: ['x'] } }],
    ['agent', 'subtasks: [{id: a, agent: coder, prompt: p}]', { do: { agent: 'coder' }, description: 'p' }],
    ['a description alone', 'subtasks: [{id: a, description: p}]', { do: { agent: 'coder' } }],
    ['a title alone', 'subtasks: [{id: a, title: p}]', { do: { agent: 'coder' }, title: 'p' }],
    ['a number as id', 'subtasks: [{id: 1, run: [x]}]', { id: '1' }],
    [
      'one word in place of a list',
      'subtasks: [{id: a, run: [x], files: f, tests: t, acceptance: c}]',
      { files: ['f'], tests: ['t'], acceptance: ['c'] },
    ],
    [
      'limits',
      'subtasks: [{id: a, run: [x], limits: {attempts: 3, timeout: 1h, idle_timeout: 1m}}]',
      { attempts: 3, timeout_seconds: 3600, idle_timeout_seconds: 60 },
    ],
    [
      'limits for all',
      '{attempts: 4, timeout: 5, subtasks: [{id: a, run: [x], timeout: 6}]}',
      { attempts: 4, timeout_seconds: 6 },
    ],
    [
      'gates',
      'subtasks: [{id: a, run: [x], gates: [[g, h]]}]',
      { gates: [{ name: 'g h', run: ['g', 'h'], timeout_seconds: 600, ok: [0] }] },
    ],
    [
      'a shell for all',
      '{shell: true, subtasks: [{id: a, run: "x | y"}]}',
      { do: { run: ['/bin/sh', '-c', 'x | y'] } },
    ],
    [
      'the rest',
      'subtasks: [{id: a, run: [x], cwd: b/c, model: m, on_lost: fail, allow_empty: true}]',
      { cwd: 'b/c', model: 'm', on_lost: 'fail', allow_empty: true },
    ],
  ])('%s', (_, text, expected) => {
    expect(only(text)).toMatchObject(expected);
  });

  test('sequential chains in order and keeps what is written', () => {
    const { plan } = read(
      'sequential: true\nsubtasks: {a: [x], b: {run: [x], needs: a}, c: {run: [x], needs: a}}',
    );
    expect(plan.subtasks.map(s => s.needs)).toEqual([[], ['a'], ['a', 'b']]);
  });

  test('the normal form is read back as it is, with every field', () => {
    const more = `
  db: { keep: [postgres], port: auto, ready: { tcp: "\${PORT}", timeout: 5s }, health: { every: 2s } }
  e2e: { run: [x], needs: [pack, { db: started }] }
finally:
  clear: [rm, -r, data]`;
    const { plan } = read(data('plan.yml').trimEnd() + more);
    const again = read(JSON.stringify(plan, null, '\t'), 'plan.json');
    expect(again.plan).toEqual(plan);
    // What only some subtasks have: each has it here.
    const some = ['need_states', 'service', 'finally'];
    const [db, test, clear] = again.plan.subtasks.slice(-3);
    expect([db?.service?.port, test?.need_states, clear?.finally]).toEqual(['auto', { db: 'started' }, true]);
    const all = Object.keys(subtaskSchema.shape).filter(key => !some.includes(key));
    expect(Object.keys(plan.subtasks[0]!).toSorted()).toEqual(all.toSorted());
  });

  test('the goal is that of the file, else the one given', () => {
    expect(read('subtasks: {a: [x]}').plan.goal).toBe('the goal');
    expect(read('subtasks: {a: [x]}').goal).toBeNull();
    expect(read('goal: mine\nsubtasks: {a: [x]}').plan.goal).toBe('mine');
  });
});

describe('what a plan calls completed', () => {
  test('is in the plan as a claim, of imports as of plans of our own', () => {
    const claims = (text: string, name: string) =>
      read(text, name).plan.subtasks.map(s => [s.id, s.claimed_completed]);
    expect(claims(data('plan.md'), 'docs/plan.md')).toContainEqual(['task-1', true]);
    expect(claims(data('plan.md'), 'docs/plan.md')).toContainEqual(['task-2', false]);
    expect(claims('subtasks: {a: {description: x, claimed_completed: true}, b: [x]}', 'plan.yml')).toEqual([
      ['a', true],
      ['b', false],
    ]);
  });

  test('is not for a planner to say', () => {
    const plan = '{"subtasks": [{"id": "a", "description": "x", "claimed_completed": true}]}';
    expect(() => read(plan, 'result', 'planner')).toThrow(
      /subtasks\[0\]\.claimed_completed: only a plan written by the user can set this/,
    );
  });
});

describe('the planner', () => {
  test('may plan, and nothing else', () => {
    const { plan } = read(PLAN_EXAMPLE.slice(0, PLAN_EXAMPLE.lastIndexOf('}') + 1), 'result', 'planner');
    expect(plan.source).toBe('planner');
    expect(plan.subtasks.map(s => [s.id, s.needs])).toEqual([
      ['reset-1', []],
      ['reset-2', ['reset-1']],
    ]);
  });
});

describe('RASEN', () => {
  test('implementation_plan.json: ids, needs, acceptance; statuses are claims', () => {
    const { plan, goal, defaults, claimed_completed } = read(
      data('implementation_plan.json'),
      'implementation_plan.json',
    );
    expect(claimed_completed).toEqual(['reset-1']);
    expect(goal).toBe('Add password reset');
    expect(defaults.name).toBe('Add password reset');
    expect(plan.subtasks.map(s => [s.id, s.needs, s.attempts, s.do])).toEqual([
      ['reset-1', [], null, { agent: 'coder' }],
      ['reset-2', ['reset-1'], null, { agent: 'coder' }],
      ['3', ['reset-2'], null, { agent: 'coder' }],
    ]);
    expect(plan.subtasks[1]).toMatchObject({
      acceptance: ['expires after 1 h'],
      files: ['src/reset.ts'],
      tests: ['test/reset.test.ts'],
    });
  });
});

describe('Markdown', () => {
  test('tasks in order, checkboxes as acceptance', () => {
    const { plan, defaults, claimed_completed } = read(data('plan.md'), 'docs/plan.md');
    expect(defaults.name).toBe('Password reset');
    expect(claimed_completed).toEqual(['task-1']);
    expect(plan.subtasks).toHaveLength(2);
    expect(plan.subtasks[0]).toMatchObject({
      id: 'task-1',
      title: 'Mail with a link',
      acceptance: ['the mail is sent', 'the link is unguessable'],
      tests: ['test/mail.test.ts', 'test/link.test.ts'],
    });
    expect(plan.subtasks[0]!.description).toContain('### Task 9: only text in a code block');
    expect(plan.subtasks[1]).toMatchObject({ needs: ['task-1'], files: ['src/expiry.ts'] });
  });
});

test('a plan file on disk is read within the same limits', () => {
  const folder = project({ 'p.yml': 'subtasks: {a: [x]}' });
  expect(readPlanText(`${folder}/p.yml`)).toBe('subtasks: {a: [x]}');
  expect(refusal(() => readPlanText(`${folder}/q.yml`)).message).toContain('q.yml:1:1: no such file');
  expect(refusal(() => readPlanText(folder)).message).toContain('is a folder');
});
