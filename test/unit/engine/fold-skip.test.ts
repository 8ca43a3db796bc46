/** A judge that is left out from a resume on takes no other gate's place, and lends its verdict to none. */
import { expect, test } from 'vitest';
import { gatesOf } from '../../../src/engine/gates-of.ts';
import { stepOf } from '../../../src/engine/state.ts';
import { commitId, specOf, TaskBuilder } from '../../support/task-builder.ts';

const judge = { enabled: true, per_subtask: true, max_loops: 3, recurring_issue_threshold: 3 };

test('what an open attempt has of the gates behind it moves up', () => {
  const task = new TaskBuilder(specOf({ gates: [], review: judge, qa: judge }))
    .claimed()
    .plan(['a'])
    .started();
  task.begin('a').end('a', { outcome: 'ok', claim: { status: 'done' } });
  const names = () => gatesOf(task.state, stepOf(task.state, 'a')).map(({ name }) => name);
  const runs = () =>
    stepOf(task.state, 'a').attempt!.gates.map(({ gate, evidence }) => [names()[gate], evidence!.name]);
  for (const name of names()) task.gate('a', name);
  expect([names(), runs()]).toEqual([
    ['clean', 'diff', 'review', 'qa'],
    ['clean', 'diff', 'review', 'qa'].map(name => [name, name]),
  ]);
  task.add({ type: 'task_interrupted', by: 'user' }).add({ type: 'task_resumed', skip: ['review'] });
  expect([names(), runs()]).toEqual([
    ['clean', 'diff', 'qa'],
    ['clean', 'diff', 'qa'].map(name => [name, name]),
  ]);
  expect([task.state.spec.review.enabled, task.state.spec.qa.enabled]).toEqual([false, true]);
});

test('the setup of its checkout is left out with a judge', () => {
  const task = new TaskBuilder(specOf({ gates: [], setup: ['npm', 'ci'], review: judge, qa: judge }))
    .claimed()
    .plan(['a'])
    .started();
  const at = { step: 'a', n: 1 };
  task
    .add({ type: 'attempt_created', ...at, nonce: 'nonce1', from: null, work: true })
    .add({ type: 'workspace_ready', base: commitId(0), branch: 'rasen/auth', path: '/nowhere/worktree' })
    .add({ type: 'attempt_prepared', ...at, setup: 'key' })
    .add({ type: 'attempt_started', ...at, pid: 4242 });
  task.end('a', { outcome: 'ok', claim: { status: 'done' }, sealed: { setup: 'key' } });
  const names = () => gatesOf(task.state, stepOf(task.state, 'a')).map(({ name }) => name);
  const runs = () =>
    stepOf(task.state, 'a').attempt!.gates.map(({ gate, evidence }) => [names()[gate], evidence!.name]);
  expect(names()).toEqual(['clean', 'diff', 'review:setup', 'review', 'qa:setup', 'qa']);
  for (const name of names().slice(0, 3)) task.gate('a', name);
  task.add({ type: 'task_interrupted', by: 'user' }).add({ type: 'task_resumed', skip: ['review'] });
  expect(names()).toEqual(['clean', 'diff', 'qa:setup', 'qa']);
  expect(runs()).toEqual(['clean', 'diff'].map(name => [name, name]));
});
