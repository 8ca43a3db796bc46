/** Review and QA: what they cannot write, what becomes of the work when they do all the same, and when there is no verdict. */
import { lstatSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { fingerprint } from '../support/git-repo.ts';
import { projects } from '../support/projects.ts';
import { type Act, APPROVES, WORKS } from '../support/scripted-agent.ts';

const project = projects();

/** Everything of the user's: files, branches, index. Not the views, nor what belongs to rasen alone. */
const ofTheUser = (p: ReturnType<typeof project>) => [
  [...fingerprint(p.root)].filter(([name]) => !/^\.(?:rasen|worktrees|git)\//.test(name)),
  p.git('for-each-ref', 'refs/heads/main', 'refs/tags'),
  p.git('status', '--porcelain'),
];

const meddling: {
  what: string;
  named: RegExp;
  acts: (at: { worktree: string; branch: string; id: string }) => Act[];
}[] = [
  {
    what: 'edits the files of the worktree',
    named: /files in .*task-/,
    acts: ({ worktree }) => [{ write: { [`${worktree}/app.txt`]: 'better\n' } }],
  },
  {
    what: 'adds a file to the worktree',
    named: /files in .*task-/,
    acts: ({ worktree }) => [{ write: { [`${worktree}/judge.txt`]: 'x\n' } }],
  },
  {
    what: 'commits what it repairs on the branch',
    named: /files in .*, HEAD of /,
    acts: ({ worktree }) => [
      { write: { [`${worktree}/app.txt`]: 'better\n' } },
      { git: ['-C', worktree, 'commit', '-qam', 'repaired by the judge'] },
    ],
  },
  {
    what: 'moves the branch without a word',
    named: /the branch rasen\//,
    acts: ({ branch, worktree }) => [
      { git: ['-C', `${worktree}/../..`, 'update-ref', `refs/heads/${branch}`, `${branch}~1`] },
    ],
  },
  {
    what: 'takes the worktree to another commit',
    named: /HEAD of /,
    acts: ({ worktree }) => [{ git: ['-C', worktree, 'checkout', '-q', '--detach', 'HEAD'] }],
  },
  {
    what: 'moves the refs that say what is good, and removes one',
    named: /refs\/rasen\/.*\/attempt\/a\/1, .*\/base/,
    acts: ({ id, worktree }) => [
      { git: ['-C', `${worktree}/../..`, 'update-ref', '-d', `refs/rasen/${id}/attempt/a/1`] },
      {
        git: [
          '-C',
          `${worktree}/../..`,
          'update-ref',
          `refs/rasen/${id}/base`,
          `refs/rasen/${id}/attempt/a/2`,
        ],
      },
    ],
  },
];

test('a reviewer that touches the work has given no verdict, however it did, and the work is what it was', async () => {
  const again: Act[] = [{ append: { 'a.txt': 'session {nth}\n' } }, ...WORKS.slice(1)];
  const p = project({
    config: { review: { enabled: true, per_subtask: true, max_loops: 20 }, limits: { attempts: 20 } },
    script: { a: [[{ await: '{project}/../go' }, ...again]] },
  });
  await p.init([{ id: 'a' }]);
  await p.ok('run', '--background');
  await p.session('a');
  const { id, worktree, branch } = await p.view();
  const before = ofTheUser(p);
  const at = { id, worktree: worktree!, branch: branch! };
  p.script({ a: [again], reviewer: [...meddling.map(({ acts }) => [...acts(at), ...APPROVES]), APPROVES] });
  p.write({ '../go': '' });
  expect((await p.rasen('wait')).status).toBe(0);
  const view = await p.view();
  const history = view.subtasks.find(s => s.id === 'a')!.history;
  expect(history.map(h => h.outcome)).toEqual([...meddling.map(() => 'gate_failed'), 'ok']);
  for (const [i, { what, named }] of meddling.entries()) {
    const { reason, commit } = history[i]!;
    expect([what, reason]).toEqual([
      what,
      expect.stringMatching(
        /^review: no verdict: it changed what it had to judge \(.*\), which was put back$/,
      ),
    ]);
    expect(reason).toMatch(named);
    expect(p.git('rev-parse', `refs/rasen/${id}/attempt/a/${i + 1}`)).toBe(commit);
  }
  // Nothing of the judge's is in the result, and nothing of the user's was touched.
  expect(p.git('rev-parse', branch!)).toBe(view.commit);
  expect(p.git('log', '--format=%s', `${view.base}..${view.commit}`)).not.toContain('judge');
  expect(p.git('diff', '--name-only', view.base!, view.commit!)).toBe('a.txt');
  expect(p.git('-C', worktree!, 'status', '--porcelain')).toBe('');
  expect(p.git('rev-parse', `refs/rasen/${id}/base`)).toBe(view.base);
  expect(ofTheUser(p)).toEqual(before);
});

test('what a judge put into the worktree is kept aside for people', async () => {
  const p = project({
    config: { qa: { enabled: true, max_iterations: 1 }, limits: { attempts: 1 } },
    script: { a: [[{ await: '{project}/../go' }, ...WORKS]] },
  });
  await p.init([{ id: 'a' }]);
  await p.ok('run', '--background');
  await p.session('a');
  const { id, worktree } = await p.view();
  p.script({ qa: [[{ write: { [`${worktree}/judge.txt`]: 'x\n' } }, ...APPROVES]] });
  p.write({ '../go': '' });
  expect((await p.rasen('wait')).status).toBe(3);
  expect(await p.view()).toMatchObject({ status: 'blocked', completed_subtasks: 1 });
  const kept = p.git('for-each-ref', '--format=%(objectname)', `refs/rasen/${id}/kept`).split('\n');
  expect(kept.map(commit => p.git('show', `${commit}:judge.txt`))).toEqual(['x']);
});

test('the checkout of a judge has no write permission for anybody', async () => {
  const p = project({
    files: { 'src/deep/app.js': '1\n' },
    config: { review: { enabled: true, max_loops: 1 } },
    script: { '*': [WORKS], reviewer: [[{ exit: 1 }]] },
  });
  await p.init([{ id: 'a' }]);
  expect((await p.rasen('run')).status).toBe(3);
  const { cwd } = p.sessions('reviewer')[0]!;
  const paths = ['.', ...readdirSync(cwd, { recursive: true, encoding: 'utf8' })];
  expect(paths).toContain('src/deep/app.js');
  expect(paths.filter(path => (lstatSync(join(cwd, path)).mode & 0o222) !== 0)).toEqual([]);
  // And it goes all the same when the task is over.
  await p.ok('cancel');
  await p.seen('the checkout is gone', () => !p.has(`.worktrees/${cwd.split('/').at(-1)}`));
});

const noVerdict: { what: string; acts: Act[]; reason: RegExp }[] = [
  { what: 'says nothing', acts: [{ say: 'approved' }], reason: /no verdict in the result file/ },
  { what: 'crashes with an approval', acts: [...APPROVES, { exit: 7 }], reason: /no verdict: exit code 7/ },
  {
    what: 'writes nonsense',
    acts: [{ claim: '{"verdict": "appro' }],
    reason: /no verdict: the result file is not JSON/,
  },
  {
    what: 'answers in other words',
    acts: [{ claim: '{"verdict": "LGTM"}' }],
    reason: /no verdict: .*wrong at verdict/,
  },
  {
    what: 'approves and says that it could not look',
    acts: [{ claim: { status: 'blocked', summary: 'no access' } }],
    reason: /no verdict/,
  },
];

test('no verdict is no approval, whatever was meant', async () => {
  const again: Act[] = [{ append: { 'a.txt': 'session {nth}\n' } }, ...WORKS.slice(1)];
  const p = project({
    config: { review: { enabled: true, per_subtask: true, max_loops: 20 }, limits: { attempts: 20 } },
    script: { a: [again], reviewer: [...noVerdict.map(({ acts }) => acts), APPROVES] },
  });
  await p.init([{ id: 'a' }]);
  expect((await p.rasen('run')).status).toBe(0);
  const history = (await p.view()).subtasks.find(s => s.id === 'a')!.history;
  expect(history.map(h => h.outcome)).toEqual([...noVerdict.map(() => 'gate_failed'), 'ok']);
  for (const [i, { what, reason }] of noVerdict.entries())
    expect([what, history[i]!.reason]).toEqual([what, expect.stringMatching(reason)]);
});
