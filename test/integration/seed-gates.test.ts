/** The gates as a user meets them: what an agent must not do, what is kept of its work, and what a merge may move. */
import { readFileSync, rmSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, expect, test } from 'vitest';
import { fingerprint } from '../support/git-repo.ts';
import { until } from '../support/instance.ts';
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

const done: Act[] = [{ commit: 'feat: {subtask}' }, { claim: { status: 'done' } }];
const TEST = "import { test } from 'node:test';\n\ntest('one', () => {});\ntest('two', () => {});\n";
const TOKEN = `ghp_${'R4nd0mT0k3n'.repeat(4).slice(0, 36)}`;

const forbidden: { what: string; acts: Act[]; says: RegExp; finding: { path: string; line?: number } }[] = [
  {
    what: 'a protected path is changed',
    acts: [{ write: { '.github/workflows/ci.yml': 'on: push\n' } }],
    says: /A protected path was changed: \.github\/workflows\/ci\.yml/,
    finding: { path: '.github/workflows/ci.yml' },
  },
  {
    what: "rasen's own configuration is changed",
    acts: [{ write: { 'rasen.yml': 'gates: none\n' } }],
    says: /A protected path was changed: rasen\.yml/,
    finding: { path: 'rasen.yml' },
  },
  {
    what: 'a test is deleted',
    acts: [{ remove: 'test/login.test.js' }],
    says: /A test was deleted: test\/login\.test\.js/,
    finding: { path: 'test/login.test.js' },
  },
  {
    what: 'a test is switched off',
    acts: [{ write: { 'test/login.test.js': TEST.replace("test('two'", "test.skip('two'") } }],
    says: /diff gate: .*: test\/login\.test\.js/,
    finding: { path: 'test/login.test.js', line: 4 },
  },
  {
    what: 'a test is made to pass',
    acts: [
      {
        write: {
          'test/login.test.js': TEST.replace("'one', () => {}", "'one', () => expect(true).toBe(true)"),
        },
      },
    ],
    says: /A test was made to pass: test\/login\.test\.js/,
    finding: { path: 'test/login.test.js', line: 3 },
  },
  {
    what: 'a secret is added',
    acts: [{ write: { 'src/client.js': `// the client\nconst token = '${TOKEN}';\n` } }],
    says: /A secret was added: src\/client\.js/,
    finding: { path: 'src/client.js', line: 2 },
  },
];

test.each(forbidden)(
  '$what: blocked (review) with exit 3, and the place is named',
  async ({ acts, says, finding }) => {
    const p = project({ files: { 'test/login.test.js': TEST }, script: { '*': [[...acts, ...done]] } });
    await p.init([{ id: 'auth-1' }, { id: 'auth-2', needs: ['auth-1'] }]);
    const ran = await p.rasen('run');
    expect(ran.status).toBe(3);
    expect(ran.stderr).toMatch(says);
    const view = await p.view();
    expect(view).toMatchObject({
      status: 'blocked',
      why: 'review',
      reason: expect.stringMatching(says),
      completed_subtasks: 0,
    });
    expect(p.sessions()).toHaveLength(1);
    const log = await p.ok('logs');
    const place = [finding.path, finding.line].filter(Boolean).join(':');
    expect(log.split('\n').filter(line => line.includes(` - WARNING - Gate diff: ${place}: `))).toHaveLength(
      1,
    );
    expect(ran.stdout + ran.stderr + log).not.toContain(TOKEN);
    // A person has looked; the agent does it the other way.
    p.script({ '*': [WORKS] });
    expect((await p.rasen('resume')).status).toBe(0);
    const changed = p.git('diff', '--name-only', view.base!, (await p.view()).commit!).split('\n');
    expect(changed).toEqual(['auth-1.txt', 'auth-2.txt']);
  },
);

test('what an agent leaves uncommitted is committed as wip, with trailers', async () => {
  const p = project({ script: { '*': [[{ write: { '{subtask}.txt': 'not committed\n' } }]] } });
  await p.init([{ id: 'auth-1', title: 'Login form' }]);
  expect((await p.rasen('run')).status).toBe(0);
  const { id, commit } = await p.view();
  expect(p.git('log', '-1', '--format=%B', commit!)).toMatch(
    new RegExp(
      `^wip: Login form\\n\\n[\\s\\S]*Rasen-Task: ${id}\\nRasen-Subtask: auth-1\\nRasen-Attempt: 1$`,
    ),
  );
  expect(p.git('for-each-ref', '--format=%(refname) %(objectname)', `refs/rasen/${id}`)).toContain(
    `refs/rasen/${id}/attempt/auth-1/1 ${commit}`,
  );
});

test('an attempt that is stopped in the middle loses nothing that it wrote', async () => {
  const p = project();
  p.script({
    '*': [[{ write: { 'half.txt': 'half\n' } }, { write: { [p.beside('ready')]: '' } }, { hang: {} }], WORKS],
  });
  await p.init([{ id: 'auth-1' }]);
  await p.ok('run', '--background');
  await until('half is written', () => p.sessions().length > 0 && p.has('../ready'));
  await p.ok('stop');
  const { id } = await p.view();
  expect(p.git('show', `refs/rasen/${id}/attempt/auth-1/1:half.txt`)).toBe('half');
  expect((await p.rasen('resume')).status).toBe(0);
});

/** Everything that a failed merge must leave as it was. */
const everything = (p: SeedProject) => [
  [...fingerprint(p.root)].filter(([name]) => !name.startsWith('.rasen/')),
  p.git('for-each-ref'),
  p.git('status', '--porcelain'),
  readFileSync(join(p.root, '.git/index')).toString('base64'),
];

async function finished(options: ProjectOptions = {}): Promise<SeedProject> {
  const p = project({
    script: { '*': [[{ write: { 'app.txt': 'one\nTWO\nthree\n', '{subtask}.txt': 'x\n' } }, ...done]] },
    ...options,
  });
  await p.init([{ id: 'auth-1' }]);
  expect((await p.rasen('run')).status).toBe(0);
  return p;
}

test('a merge conflict moves nothing and names the files; resolved, it merges', async () => {
  const p = await finished();
  p.write({ 'app.txt': 'one\nzwei\nthree\n' });
  p.git('commit', '-qam', 'mine');
  const before = everything(p);
  const merged = await p.rasen('merge');
  expect(merged).toMatchObject({
    status: 5,
    stdout: '',
    stderr: expect.stringMatching(/conflicts with "main" in app\.txt/),
  });
  expect(everything(p)).toEqual(before);
  await p.logged(/ - ERROR - Merge refused \(merge_conflict\): .*app\.txt/);
  p.git('reset', '-q', '--hard', 'HEAD^');
  await p.ok('merge');
  expect(p.read('app.txt')).toBe('one\nTWO\nthree\n');
});

test('a gate that is red on the merge result moves nothing', async () => {
  const p = await finished();
  p.write({ 'theirs.txt': 'BROKEN\n' });
  p.git('add', '-A');
  p.git('commit', '-qm', 'a red main');
  const before = everything(p);
  const merged = await p.rasen('merge');
  expect(merged).toMatchObject({
    status: 5,
    stderr: expect.stringMatching(
      /sh check\.sh gate is red on the merge result \(exit code 1\); nothing was moved[\s\S]*theirs\.txt:1:BROKEN/,
    ),
  });
  expect(everything(p)).toEqual(before);
});

test('uncommitted changes in the way of a merge stay, and it says so', async () => {
  const p = await finished();
  p.write({ 'app.txt': 'mine\n' });
  const before = everything(p);
  expect(await p.rasen('merge')).toMatchObject({
    status: 5,
    stderr: expect.stringMatching(/Uncommitted changes in .* are in the way of the merge: app\.txt/),
  });
  // git notes where the branch was before it finds out that it cannot move it; everything else is as it was.
  const after = everything(p);
  after[0] = (after[0] as [string, string][]).filter(([name]) => name !== '.git/ORIG_HEAD');
  expect(after).toEqual(before);
  expect(p.read('app.txt')).toBe('mine\n');
});

// Not yet: git runs under the supervisor's umask of 077 (supervisor/main.ts), and leaves 0600 in the user's checkout.
test("a merge leaves files with the modes that the user's own git would give them", async () => {
  const p = await finished();
  await p.ok('merge');
  p.write({ 'own.txt': '' });
  const mode = (path: string) => (statSync(join(p.root, path)).mode & 0o777).toString(8);
  const own = mode('own.txt');
  expect(['app.txt', 'auth-1.txt', '.git/index', '.git/refs/heads/main'].map(mode)).toEqual(
    Array(4).fill(own),
  );
});

test('merge --squash: one commit with the task in it, and a second merge changes nothing', async () => {
  const p = await finished();
  await p.ok('merge', '--squash');
  const { id, commit } = await p.view();
  expect(p.git('log', '--format=%s')).toBe('Implement user authentication\nbase');
  expect(p.git('log', '-1', '--format=%B')).toContain(`Rasen-Task: ${id}\nRasen-Commit: ${commit}`);
  const head = p.git('rev-parse', 'HEAD');
  await p.rasen('merge', '--squash');
  expect(p.git('rev-parse', 'HEAD')).toBe(head);
  expect(p.git('status', '--porcelain')).toBe('');
});

test('merge --into another branch leaves the checkout alone', async () => {
  const p = await finished();
  p.git('branch', 'release');
  expect(await p.rasen('merge', '--into', 'nowhere')).toMatchObject({
    status: 5,
    stderr: expect.stringContaining('There is no branch "nowhere"'),
  });
  const head = p.git('rev-parse', 'HEAD');
  expect(await p.ok('merge', '--into', 'release')).toMatch(/^Merged into release: /);
  expect([p.git('rev-parse', 'HEAD'), p.read('app.txt'), p.git('status', '--porcelain')]).toEqual([
    head,
    'one\ntwo\nthree\n',
    '',
  ]);
  expect(p.git('show', 'release:app.txt')).toBe('one\nTWO\nthree');
});

test('only what is completed can be merged', async () => {
  const p = project({ script: { '*': [WORKS], b: [[{ exit: 1 }]] }, config: { limits: { attempts: 1 } } });
  await p.init([{ id: 'a' }, { id: 'b' }]);
  expect((await p.rasen('run')).status).toBe(3);
  expect(await p.rasen('merge')).toMatchObject({
    status: 5,
    stderr: expect.stringMatching(/is blocked, not completed; nothing was merged/),
  });
});

test('gates that are red before any change: blocked (config), and nobody is asked to work on it', async () => {
  const p = project({ files: { 'old.txt': 'BROKEN\n' } });
  await p.init([{ id: 'a' }]);
  expect(await p.rasen('run')).toMatchObject({ status: 3, stderr: expect.stringMatching(/sh check\.sh/) });
  expect(await p.view()).toMatchObject({ why: 'config' });
  expect(p.sessions()).toHaveLength(0);
});

test('a worktree that was removed by hand is made again', async () => {
  const p = project({
    script: { '*': [WORKS], b: [[{ exit: 1 }], WORKS] },
    config: { limits: { attempts: 1 } },
  });
  await p.init([{ id: 'a' }, { id: 'b' }]);
  expect((await p.rasen('run')).status).toBe(3);
  rmSync((await p.view()).worktree!, { recursive: true });
  expect((await p.rasen('resume')).status).toBe(0);
  await p.ok('merge');
  expect(p.git('log', '--format=%s')).toBe('feat: b\nfeat: a\nbase');
});
