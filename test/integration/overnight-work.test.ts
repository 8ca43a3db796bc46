/** What ends nights (the table in test/OVERNIGHT.md), part 3: work that is none, circles, and what is done to git. */
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import type { TaskView } from '../../src/contract/view.ts';
import { fingerprint } from '../support/git-repo.ts';
import { pipelineSpec } from '../support/instance.ts';
import { projects } from '../support/projects.ts';
import { type Act, type SeedProject, WORKS } from '../support/scripted-agent.ts';

const project = projects();
const step = async (p: SeedProject, id = 'a') => (await p.view()).subtasks.find(s => s.id === id)!;
/** The user's checkout and repository without what the views and rasen's own folders hold. */
const checkout = (p: SeedProject) => [...fingerprint(p.root)].filter(([name]) => !name.startsWith('.rasen/'));

test('9: sessions that all say that they succeed end at max_iterations, and what they used is told', async () => {
  const p = project({
    config: { orchestrator: { session_delay_seconds: 0, max_iterations: 4 }, limits: { attempts: 100 } },
  });
  const wrong = { '{subtask}.txt': 'BROKEN {nth}\n' };
  const usage = { input_tokens: 1000, output_tokens: 10 };
  p.script({ '*': [[{ write: wrong }, { claim: { status: 'done', summary: 'all good', usage } }]] });
  await p.init([{ id: 'a' }]);
  expect((await p.rasen('run')).status).toBe(3);
  expect(await p.view()).toMatchObject({
    status: 'blocked',
    why: 'budget',
    total_input_tokens: 4000,
    total_output_tokens: 40,
  });
  expect(p.sessions()).toHaveLength(4);
});

test('10: evidence that the agent made up, in words and in files, completes nothing', async () => {
  const p = project();
  const report = { 'test-report.txt': 'Tests: 212 passed, 0 failed\nexit code 0\n' };
  p.script({
    a: [
      [
        { write: { ...report, 'a.txt': 'BROKEN\n' } },
        { commit: 'feat: all tests pass' },
        { say: 'LOOP_COMPLETE <event topic="build.done">tests: pass, lint: pass</event>' },
        { claim: { status: 'done', summary: 'Tests: 212 passed, 0 failed' } },
      ],
      WORKS,
    ],
  });
  await p.init([{ id: 'a' }]);
  expect((await p.rasen('run')).status).toBe(0);
  expect((await step(p)).history.map(h => [h.outcome, h.reason])).toEqual([
    ['gate_failed', 'sh check.sh: exit code 1'],
    ['ok', null],
  ]);
});

test('10: work without a word about it is found and judged all the same', async () => {
  const p = project({ script: { '*': [[{ write: { '{subtask}.txt': 'works\n' } }]] } });
  await p.init([{ id: 'a' }, { id: 'b' }]);
  expect((await p.rasen('run')).status).toBe(0);
  expect(await p.view()).toMatchObject({ status: 'completed', completed_subtasks: 2 });
});

test('11: an agent that goes in circles is told so, and given up without progress', async () => {
  const p = project({ config: { limits: { attempts: 100 } } });
  const way = (n: number): Act[] => [
    { write: { 'a.txt': `BROKEN ${n}\n` } },
    { claim: { status: 'done', summary: `way ${n}` } },
  ];
  p.script({ a: [1, 2, 1, 2, 1, 2, 1, 2, 1, 2].map(way) });
  await p.init([{ id: 'a' }]);
  expect((await p.rasen('run')).status).toBe(3);
  expect(await p.view()).toMatchObject({
    status: 'blocked',
    why: 'attempts',
    reason: expect.stringContaining('5 attempts failed in a row without progress'),
  });
  // Two trees that were new, then nothing that was not there before.
  expect(p.sessions()).toHaveLength(6);
  expect(p.sessions().at(-1)!.prompt).toContain('you are going in circles');
});

test('16: a lock and a broken index that an agent leaves are in nobody’s way, and its work is kept', async () => {
  const p = project();
  p.script({
    a: [[{ write: { 'a.txt': 'kept\n' } }, { index_lock: true }]],
    b: [[{ write: { 'b.txt': 'kept\n' } }, { corrupt_index: true }]],
    c: [WORKS],
  });
  await p.init([{ id: 'a' }, { id: 'b', needs: ['a'] }, { id: 'c', needs: ['b'] }]);
  expect((await p.rasen('run')).status).toBe(0);
  const { base, commit } = await p.view();
  expect(p.git('diff', '--name-only', base!, commit!).split('\n')).toEqual(['a.txt', 'b.txt', 'c.txt']);
});

test('16: eight tasks at once in one repository: none fails on a lock of another', async () => {
  const p = project({ script: { '*': [WORKS] } });
  await p.instance.start();
  const ids: string[] = [];
  for (let i = 0; i < 8; i += 1) {
    const spec = pipelineSpec([{ id: 'a', do: { agent: 'coder' } }], p.root, {
      workspace: { kind: 'git', slug: `task-${i}` },
      agents: { coder: { command: p.agent } },
    });
    ids.push(spec.id);
    await p.instance.call('task.run', { spec, env: p.instance.env });
  }
  const views = await p.instance.call<TaskView[]>('task.wait', { tasks: ids });
  expect(views.map(v => [v.status, v.iteration])).toEqual(ids.map(() => ['completed', 1]));
  expect(p.git('branch', '--list', 'rasen/*').split('\n')).toHaveLength(8);
});

test('17: whatever an agent does to its branch, accepted work stays, and the user’s checkout is what it was', async () => {
  const p = project({ files: { 'mine.txt': 'mine\n' } });
  p.write({ 'mine.txt': 'mine, not committed\n', 'untracked.txt': 'mine\n' });
  p.script({
    '*': [WORKS],
    b: [
      [
        { git: ['reset', '-q', '--hard', 'HEAD~1'] },
        { git: ['clean', '-qfdx'] },
        { git: ['reflog', 'expire', '--expire=now', '--all'] },
        { git: ['gc', '-q', '--prune=now'] },
        { write: { 'b.txt': 'alone\n' } },
        { commit: 'all over again' },
      ],
      WORKS,
    ],
  });
  await p.init([{ id: 'a' }, { id: 'b', needs: ['a'] }]);
  const before = checkout(p).filter(([name]) => !name.startsWith('.git/'));
  const head = p.git('rev-parse', 'main');
  expect((await p.rasen('run')).status).toBe(0);
  expect((await step(p, 'b')).history.map(h => [h.outcome, h.reason])).toEqual([
    ['gate_failed', expect.stringMatching(/^clean: /)],
    ['ok', null],
  ]);
  const { commit } = await p.view();
  expect(p.git('log', '--format=%s', commit!)).toBe('feat: b\nfeat: a\nbase');
  expect(checkout(p).filter(([name]) => !name.startsWith('.git/'))).toEqual(before);
  expect(p.git('rev-parse', 'main')).toBe(head);
});

test('19: a worktree is made ready once by setup, and removed by gc when its work is merged, not before', async () => {
  const p = project({
    config: { setup: ['sh', '-c', 'echo ready >>.deps'] },
    files: { '.gitignore': '.deps\n' },
    script: { '*': [WORKS], a: [[{ exit: 1 }], WORKS] },
  });
  await p.init([{ id: 'a' }, { id: 'b' }]);
  expect((await p.rasen('run')).status).toBe(0);
  const { worktree } = await p.view();
  expect(readFileSync(join(worktree!, '.deps'), 'utf8')).toBe('ready\n');
  expect(await p.ok('gc', '--older-than', '0')).toContain('its commits were never merged');
  expect(existsSync(worktree!)).toBe(true);
  await p.ok('merge');
  await p.ok('gc', '--older-than', '0');
  expect(existsSync(worktree!)).toBe(false);
  expect(p.git('log', '--format=%s')).toBe('feat: b\nfeat: a\nbase');
});
