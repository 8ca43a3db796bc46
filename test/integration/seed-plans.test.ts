/** Plans and second thoughts: the planner's plan, editing, retry, rollback, reinit, and work without git. */
import { spawn } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { afterEach, expect, test } from 'vitest';
import { fingerprint } from '../support/git-repo.ts';
import { RASEN } from '../support/instance.ts';
import { type Act, type ProjectOptions, SeedProject, WORKS } from '../support/scripted-agent.ts';

const open: SeedProject[] = [];
const project = (options?: ProjectOptions) => {
  const made = new SeedProject(options);
  open.push(made);
  return made;
};
afterEach(async () => {
  for (const p of open.splice(0)) await p.close();
});

const plan = (subtasks: unknown[], more: object = {}): Act[] => [
  { claim: { status: 'done', plan: { subtasks, ...more } } },
];
const GOOD = [
  { id: 'auth-1', title: 'Login form', description: 'do it' },
  { id: 'auth-2', title: 'Hashing', description: 'do it', needs: ['auth-1'] },
];
const statuses = async (p: SeedProject) =>
  Object.fromEntries((await p.view()).subtasks.filter(s => !s.id.startsWith('_')).map(s => [s.id, s.status]));

test('without --plan the first session is the planner, and its plan is carried out', async () => {
  const p = project({ script: { '*': [WORKS], initializer: [plan(GOOD)] } });
  await p.init(null, 'Implement user authentication\nwith all of {braces} and $(things)');
  expect((await p.rasen('run')).status).toBe(0);
  expect(p.sessions().map(s => s.key)).toEqual(['initializer', 'auth-1', 'auth-2']);
  expect(p.sessions('initializer')[0]!.prompt).toContain(
    'Implement user authentication\nwith all of {braces} and $(things)',
  );
  expect(await p.ok('plan', 'show')).toMatch(
    /^Implement user authentication.*\nauth-1 {2}Login form\nauth-2 {2}Hashing {2}\(after auth-1\)\n$/,
  );
  await p.viewed({ status: 'completed' });
  expect(p.json('.rasen/implementation_plan.json').subtasks.map((s: any) => [s.id, s.dependencies])).toEqual([
    ['auth-1', []],
    ['auth-2', ['auth-1']],
  ]);
});

test('a bad plan is refused with exact errors, and the next attempt repairs it', async () => {
  const shape = plan(
    [
      { id: 'auth-1', description: 'x' },
      { id: 'auth-2', titel: 'typo', description: 'x', gates: 3 },
    ],
    { gates: [['true']] },
  );
  const order = plan([{ id: 'auth-1', description: 'x', needs: ['auth-9'] }]);
  const p = project({ script: { '*': [WORKS], initializer: [shape, order, plan(GOOD)] } });
  await p.init(null);
  expect((await p.rasen('run')).status).toBe(0);
  const [, second, third] = p.sessions('initializer');
  for (const text of [
    'subtasks[1].titel: unknown key; did you mean "title"?',
    'subtasks[1].gates: found 3, wanted a list of gates',
    ': gates: only a plan written by the user can set this',
  ])
    expect(second!.prompt).toContain(text);
  expect(third!.prompt).toMatch(/attempt 2: failed: the plan in the result file:\d+:\d+: .*auth-9/);
  // What is wrong now stands alone, too, and not what was repaired.
  const wrong = third!.prompt.split('What was wrong with the plan before:\n')[1]!.split('\n## ')[0]!;
  expect(wrong).toMatch(/^the plan in the result file:\d+:\d+: .*auth-9/);
  expect(wrong).not.toContain('titel');
  expect((await p.view()).subtasks.find(s => s.kind === 'plan')!.history.map(h => h.outcome)).toEqual([
    'failed',
    'failed',
    'ok',
  ]);
});

test('a planner that never brings a plan: blocked after three, with the reason', async () => {
  const p = project({ script: { initializer: [[{ claim: 'not json' }], [{ say: 'no file' }], plan([])] } });
  await p.init(null);
  expect((await p.rasen('run')).status).toBe(3);
  expect(p.sessions()).toHaveLength(3);
  const view = await p.view();
  expect(view).toMatchObject({ status: 'blocked', why: 'config' });
  expect(view.subtasks.find(s => s.kind === 'plan')!.history.map(h => h.reason)).toEqual([
    expect.stringContaining('the result file is not JSON'),
    'the result file has no plan',
    expect.stringContaining('subtasks'),
  ]);
});

test('a planner that asks is answered by a person', async () => {
  const p = project({
    script: { '*': [WORKS], initializer: [[{ claim: { status: 'blocked', summary: 'which database?' } }]] },
  });
  await p.init(null);
  expect(await p.rasen('run')).toMatchObject({
    status: 3,
    stderr: expect.stringContaining('which database?'),
  });
  // A plan by hand instead.
  writeFileSync(
    p.beside('mine.yml'),
    JSON.stringify({ subtasks: [{ id: 'mine', description: 'x', agent: 'coder' }] }),
  );
  await p.ok('plan', 'import', p.beside('mine.yml'));
  expect((await p.rasen('resume')).status).toBe(0);
  expect(p.sessions().map(s => s.key)).toEqual(['initializer', 'initializer', 'mine']);
});

test('plan edit in $EDITOR: what was done and did not change is not done again', async () => {
  const p = project();
  p.script({ '*': [WORKS], 'auth-2': [[{ hang: {} }], WORKS] });
  await p.init(GOOD);
  await p.ok('run', '--background');
  await p.session('auth-2');
  await p.ok('stop');
  writeFileSync(
    p.beside('editor.sh'),
    'sed -i "s/Hashing/Hashing with salt/" "$1"\nprintf "  - {id: auth-3, description: last, agent: coder, needs: [auth-2]}\\n" >> "$1"\n',
  );
  p.instance.env.EDITOR = `sh ${p.beside('editor.sh')}`;
  expect(await p.ok('plan', 'edit')).toMatch(/is now revision 2\.\n$/);
  expect((await p.rasen('resume')).status).toBe(0);
  expect(p.sessions().map(s => s.key)).toEqual(['auth-1', 'auth-2', 'auth-2', 'auth-3']);
  expect(p.sessions('auth-2')[1]!.prompt).toContain('Hashing with salt');
});

test('plan edit with a mistake changes nothing and says where', async () => {
  const p = project({ script: { '*': [[{ exit: 1 }]] }, config: { limits: { attempts: 1 } } });
  await p.init(GOOD);
  await p.rasen('run');
  p.instance.env.EDITOR = `sh -c 'sed -i "s/auth-1$/auth-7/" "$1"' --`;
  const edited = await p.rasen('plan', 'edit');
  expect(edited.status).toBe(2);
  expect(edited.stderr).toMatch(/plan-edit-\w+\.yml:\d+:\d+: .*auth-1/);
  expect(await p.view()).toMatchObject({ plan_rev: 1 });
});

test('retry gives a failed subtask a fresh allowance and goes on', async () => {
  const p = project({
    script: { '*': [WORKS], 'auth-1': [[{ exit: 1 }], [{ exit: 1 }], WORKS] },
    config: { limits: { attempts: 2 } },
  });
  await p.init(GOOD);
  expect((await p.rasen('run')).status).toBe(3);
  expect(await statuses(p)).toEqual({ 'auth-1': 'failed', 'auth-2': 'pending' });
  await p.ok('retry', 'auth-1');
  await p.ok('wait');
  expect(await statuses(p)).toEqual({ 'auth-1': 'completed', 'auth-2': 'completed' });
  // What was merged stays as it is.
  await p.ok('merge');
  expect(await p.rasen('retry', 'auth-1')).toMatchObject({ status: 5 });
});

test('rollback takes the branch back; resume does the rest again', async () => {
  const p = project({ script: { '*': [WORKS], c: [[{ exit: 1 }]] }, config: { limits: { attempts: 1 } } });
  await p.init([{ id: 'a' }, { id: 'b' }, { id: 'c' }]);
  expect((await p.rasen('run')).status).toBe(3);
  const before = await p.view();
  const good = before.subtasks.find(s => s.id === 'a')!.commit!;
  const mine = () => [...fingerprint(p.root)].filter(([name]) => !name.startsWith('.rasen/'));
  const checkout = mine();
  await p.ok('rollback', 'b');
  expect(mine()).toEqual(checkout);
  const back = await p.view();
  expect(await statuses(p)).toMatchObject({ a: 'completed', b: 'pending' });
  expect([back.commit, p.git('rev-parse', back.branch!)]).toEqual([good, good]);
  p.script({ '*': [WORKS] });
  expect((await p.rasen('resume')).status).toBe(0);
  expect(p.sessions().map(s => s.key)).toEqual(['a', 'b', 'c', 'b', 'c']);
  const { commit } = await p.view();
  expect(p.git('log', '--format=%s', commit!)).toBe('feat: c\nfeat: b\nfeat: a\nbase');
  // What was rolled back is still there under its ref.
  expect(p.git('log', '-1', '--format=%s', `refs/rasen/${back.id}/attempt/b/1`)).toBe('feat: b');
});

test('reinit --keep-progress goes on from the last good commit, reinit from the start', async () => {
  const p = project({ script: { '*': [WORKS], b: [[{ exit: 1 }]] }, config: { limits: { attempts: 1 } } });
  await p.init([{ id: 'a' }, { id: 'b' }]);
  expect((await p.rasen('run')).status).toBe(3);
  const old = await p.view();
  expect((await p.rasen('reinit')).status).toBe(5);
  expect(await p.ok('reinit', '--keep-progress', '--force')).toMatch(
    new RegExp(`It starts from ${old.commit!.slice(0, 12)}\\.`),
  );
  expect(await p.ok('status')).toMatch(/^Status: reinitialized\n/);
  p.script({ '*': [[{ append: { '{subtask}.txt': 'again\n' } }, { commit: 'again: {subtask}' }]] });
  expect((await p.rasen('run')).status).toBe(0);
  const kept = await p.view();
  expect(kept.base).toBe(old.commit);
  expect(p.git('log', '--format=%s', kept.commit!)).toBe('again: b\nagain: a\nfeat: a\nbase');
  await p.ok('reinit');
  expect((await p.rasen('run')).status).toBe(0);
  expect(p.git('log', '--format=%s', (await p.view()).commit!)).toBe('again: b\nagain: a\nbase');
});

test('worktree.enabled: false works in the folder itself, git or not', async () => {
  const p = project({ git: false, config: { worktree: { enabled: false } } });
  p.script({
    '*': [
      [
        { write: { '{subtask}.txt': 'here\n' } },
        { claim: { status: 'done', memory: { learnings: ['no git here'] } } },
      ],
    ],
    b: [[{ write: { 'b.txt': 'BROKEN\n' } }], [{ write: { 'b.txt': 'fine\n' } }]],
  });
  await p.init([{ id: 'a' }, { id: 'b' }]);
  expect((await p.rasen('run')).status).toBe(0);
  expect([p.read('a.txt'), p.read('b.txt'), p.has('.worktrees')]).toEqual(['here\n', 'fine\n', false]);
  expect(p.sessions().map(s => [s.key, s.cwd])).toEqual(['a', 'b', 'b'].map(key => [key, p.root]));
  expect(await p.view()).toMatchObject({
    status: 'completed',
    verified: true,
    branch: null,
    total_commits: 0,
  });
  expect(await p.ok('status')).not.toContain('rasen merge');
  expect(await p.rasen('merge')).toMatchObject({
    status: 5,
    stderr: expect.stringContaining('did not work in a git worktree'),
  });
});

test('outside of git the default is refused with the way out', async () => {
  const p = project({ git: false });
  await p.init([{ id: 'a' }]);
  const ran = await p.rasen('run');
  expect(ran).toMatchObject({
    status: 2,
    stderr: expect.stringMatching(
      /is in no git repository; the task was not started\n.*git init.*\n.*worktree: \{enabled: false\}/,
    ),
  });
  expect(p.sessions()).toHaveLength(0);
});

test('SIGINT without a terminal stops the task of `rasen run`', async () => {
  const p = project();
  p.script({ '*': [[{ hang: {} }], WORKS] });
  await p.init([{ id: 'a' }]);
  const child = spawn(RASEN, ['run'], { cwd: p.root, env: p.instance.env, stdio: 'ignore' });
  const ended = new Promise(resolve => child.once('exit', resolve));
  await p.session('a');
  child.kill('SIGINT');
  expect(await ended).toBe(130);
  expect((await p.view()).status).toBe('interrupted');
  expect((await p.rasen('run')).status).toBe(0);
});
