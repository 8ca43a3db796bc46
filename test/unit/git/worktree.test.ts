/** Worktrees: made, found, mended and removed, with every kind of half-done state in between. */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdirSync, readdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { excludeLocally } from '../../../src/git/repository.ts';
import {
  clearStaleLocks,
  ensureWorktree,
  freshCheckout,
  removeWorktree,
  type WorktreeRequest,
} from '../../../src/git/worktree.ts';
import {
  commitAll,
  fingerprint,
  makeRepo,
  openTest,
  removeFolder,
  sh,
  type TestRepo,
  write,
} from '../../support/git-repo.ts';

let t: TestRepo;
beforeEach(async () => {
  t = await makeRepo();
});
afterEach(() => removeFolder(t.folder));

const request = (task: string, slug = task): WorktreeRequest => ({
  task,
  slug,
  base: t.base,
  base_path: '.worktrees',
});

test('makes worktree, branch and base ref, and finds them again', async () => {
  const made = await ensureWorktree(t.repo, request('t1', 'auth'));
  expect(made).toEqual({
    path: join(t.repo.root, '.worktrees/task-auth'),
    branch: 'rasen/auth',
  });
  expect(sh(made.path, 'symbolic-ref', 'HEAD')).toBe('refs/heads/rasen/auth');
  expect(sh(made.path, 'rev-parse', 'HEAD')).toBe(t.base);
  expect(sh(t.repo.root, 'rev-parse', 'refs/rasen/t1/base')).toBe(t.base);
  expect(sh(made.path, 'status', '--porcelain')).toBe('');
  expect(await ensureWorktree(t.repo, request('t1', 'auth'))).toEqual(made);
});

test('nothing of the user changes, and git status shows nothing', async () => {
  sh(t.repo.root, 'config', 'branch.autoSetupMerge', 'always');
  write(t.repo.root, { 'a.txt': 'edited\n', 'new.txt': 'untracked\n' });
  sh(t.repo.root, 'add', 'a.txt');
  write(t.repo.root, { 'a.txt': 'edited again\n' });
  const status = sh(t.repo.root, 'status', '--porcelain');
  const before = fingerprint(t.repo.root);
  await ensureWorktree(t.repo, request('t1'));
  expect(fingerprint(t.repo.root)).toEqual(before);
  expect(sh(t.repo.root, 'status', '--porcelain')).toBe(status);
});

test('40 worktrees, 8 at a time, without one failure', async () => {
  sh(t.repo.root, 'config', 'branch.autoSetupMerge', 'always');
  for (let round = 0; round < 5; round += 1) {
    const tasks = Array.from({ length: 8 }, (_, i) => `r${round}-${i}`);
    const made = await Promise.all(tasks.map(task => ensureWorktree(t.repo, request(task))));
    for (const { path, branch } of made) {
      expect(sh(path, 'symbolic-ref', '--short', 'HEAD')).toBe(branch);
      expect(readFileSync(join(path, 'a.txt'), 'utf8')).toBe('one\n');
    }
  }
  expect(sh(t.repo.root, 'worktree', 'list').split('\n')).toHaveLength(41);
});

test('a slug that is taken gets a number, and the same one again', async () => {
  await ensureWorktree(t.repo, request('t1', 'auth'));
  const second = await ensureWorktree(t.repo, request('t2', 'auth'));
  expect(second.branch).toBe('rasen/auth-2');
  expect(second.path).toBe(join(t.repo.root, '.worktrees/task-auth-2'));
  rmSync(second.path, { recursive: true });
  expect(await ensureWorktree(t.repo, request('t2', 'auth'))).toEqual(second);
});

test('a left-over branch is taken, one with commits of its own is not', async () => {
  sh(t.repo.root, 'branch', 'rasen/left', t.base);
  expect((await ensureWorktree(t.repo, request('t1', 'left'))).branch).toBe('rasen/left');
  sh(t.repo.root, 'switch', '-q', '-c', 'rasen/mine');
  const tip = commitAll(t.repo.root, 'mine');
  sh(t.repo.root, 'switch', '-q', 'main');
  expect((await ensureWorktree(t.repo, request('t2', 'mine'))).branch).toBe('rasen/mine-2');
  expect(sh(t.repo.root, 'rev-parse', 'rasen/mine')).toBe(tip);
  sh(t.repo.root, 'branch', 'rasen/deep/er', t.base);
  expect((await ensureWorktree(t.repo, request('t3', 'deep'))).branch).toBe('rasen/deep-2');
});

test('a folder of the user in the place of the worktree stays', async () => {
  write(t.repo.root, { '.worktrees/task-x/mine.txt': 'mine\n' });
  const made = await ensureWorktree(t.repo, request('t1', 'x'));
  expect(made.branch).toBe('rasen/x-2');
  expect(readFileSync(join(t.repo.root, '.worktrees/task-x/mine.txt'), 'utf8')).toBe('mine\n');
});

test('a branch called rasen is named as the obstacle', async () => {
  sh(t.repo.root, 'branch', 'rasen');
  await expect(ensureWorktree(t.repo, request('t1'))).rejects.toMatchObject({
    kind: 'git',
    message: expect.stringContaining('"rasen"'),
  });
});

test('the same task with another base is refused', async () => {
  await ensureWorktree(t.repo, request('t1'));
  const other = commitAll(t.repo.root, 'later');
  await expect(ensureWorktree(t.repo, { ...request('t1'), base: other })).rejects.toMatchObject({
    kind: 'git',
  });
});

test('a folder that vanished comes back at the tip of its branch', async () => {
  const made = await ensureWorktree(t.repo, request('t1'));
  write(made.path, { 'c.txt': 'three\n' });
  const tip = commitAll(made.path);
  rmSync(made.path, { recursive: true });
  const again = await ensureWorktree(t.repo, request('t1'));
  expect(again).toEqual(made);
  expect(sh(again.path, 'rev-parse', 'HEAD')).toBe(tip);
  expect(readFileSync(join(again.path, 'c.txt'), 'utf8')).toBe('three\n');
});

test('commits on a detached HEAD of a folder that vanished are kept', async () => {
  const made = await ensureWorktree(t.repo, request('t1'));
  sh(made.path, 'checkout', '-q', '--detach');
  write(made.path, { 'c.txt': 'three\n' });
  const lost = commitAll(made.path);
  rmSync(made.path, { recursive: true });
  await ensureWorktree(t.repo, request('t1'));
  expect(sh(t.repo.root, 'rev-parse', `refs/rasen/t1/kept/${lost}`)).toBe(lost);
});

test('branch and folder gone: back at the last good commit', async () => {
  const made = await ensureWorktree(t.repo, request('t1'));
  const good = commitAll(made.path);
  sh(t.repo.root, 'update-ref', 'refs/rasen/t1/good/2', t.base);
  sh(t.repo.root, 'update-ref', 'refs/rasen/t1/good/10', good);
  sh(t.repo.root, 'worktree', 'remove', '--force', made.path);
  sh(t.repo.root, 'branch', '-q', '-D', 'rasen/t1');
  await ensureWorktree(t.repo, request('t1'));
  expect(sh(made.path, 'rev-parse', 'HEAD')).toBe(good);
});

test('a lost .git file is written again and uncommitted work stays', async () => {
  const made = await ensureWorktree(t.repo, request('t1'));
  write(made.path, { 'a.txt': 'in work\n' });
  rmSync(join(made.path, '.git'));
  await ensureWorktree(t.repo, request('t1'));
  expect(readFileSync(join(made.path, 'a.txt'), 'utf8')).toBe('in work\n');
  expect(sh(made.path, 'status', '--porcelain')).toBe('M a.txt');
});

test('a repository that an agent made in place of the worktree’s `.git` is moved aside, and the work stays', async () => {
  const made = await ensureWorktree(t.repo, request('t1'));
  rmSync(join(made.path, '.git'));
  sh(made.path, 'init', '-q');
  write(made.path, { 'a.txt': 'in work\n' });
  const again = await ensureWorktree(t.repo, request('t1'));
  expect(readFileSync(join(again.path, 'a.txt'), 'utf8')).toBe('in work\n');
  expect(sh(again.path, 'status', '--porcelain')).toBe('M a.txt');
  const beside = readdirSync(join(t.repo.root, '.worktrees')).filter(name =>
    /^task-t1\.git-aside-/.test(name),
  );
  expect(beside).toHaveLength(1);
});

test('a torn HEAD is mended', async () => {
  const made = await ensureWorktree(t.repo, request('t1'));
  writeFileSync(join(t.repo.common_dir, 'worktrees/task-t1/HEAD'), '\0\0\0');
  expect(await ensureWorktree(t.repo, request('t1'))).toEqual(made);
  expect(sh(made.path, 'symbolic-ref', 'HEAD')).toBe('refs/heads/rasen/t1');
});

test.each([
  [
    'only the record',
    () => {
      rmSync(join(t.repo.root, '.worktrees/task-t1'), { recursive: true });
      rmSync(join(t.repo.common_dir, 'worktrees'), { recursive: true });
      sh(t.repo.root, 'update-ref', '-d', 'refs/heads/rasen/t1');
      sh(t.repo.root, 'update-ref', '-d', 'refs/rasen/t1/base');
    },
  ],
  [
    'record, refs and an empty folder',
    () => {
      rmSync(join(t.repo.common_dir, 'worktrees'), { recursive: true });
      rmSync(join(t.repo.root, '.worktrees/task-t1'), { recursive: true });
      mkdirSync(join(t.repo.root, '.worktrees/task-t1'));
    },
  ],
  [
    'a locked registration without HEAD',
    () => {
      const admin = join(t.repo.common_dir, 'worktrees/task-t1');
      writeFileSync(join(admin, 'locked'), 'initializing');
      rmSync(join(admin, 'HEAD'));
      rmSync(join(admin, 'index'));
    },
  ],
  [
    'half of the files and a locked index',
    () => {
      writeFileSync(join(t.repo.common_dir, 'worktrees/task-t1/index.lock'), '');
      rmSync(join(t.repo.root, '.worktrees/task-t1/src'), { recursive: true });
    },
  ],
  [
    'lock files of the refs',
    () => {
      writeFileSync(join(t.repo.common_dir, 'refs/heads/rasen/t1.lock'), '');
      writeFileSync(join(t.repo.common_dir, 'refs/rasen/t1/base.lock'), '');
    },
  ],
])('killed while making it, leaving %s: made anew', async (_, damage) => {
  const made = await ensureWorktree(t.repo, request('t1'));
  const record = join(t.repo.records, 'tasks/t1/worktree.json');
  writeFileSync(record, readFileSync(record, 'utf8').replace('"made"', '"planned"'));
  damage();
  expect(await ensureWorktree(t.repo, request('t1'))).toEqual(made);
  expect(sh(made.path, 'status', '--porcelain')).toBe('');
  expect(existsSync(join(t.repo.common_dir, 'worktrees/task-t1/locked'))).toBe(false);
});

test('an unreadable record is moved aside, not overwritten', async () => {
  await ensureWorktree(t.repo, request('t1'));
  const record = join(t.repo.records, 'tasks/t1/worktree.json');
  writeFileSync(record, '{"version":1,');
  const again = await ensureWorktree(t.repo, request('t1'));
  expect(again.branch).toBe('rasen/t1-2');
  expect(readFileSync(`${record}.damaged-1`, 'utf8')).toBe('{"version":1,');
});

test('removing keeps what was not committed, and only removes what is ours', async () => {
  const made = await ensureWorktree(t.repo, request('t1'));
  write(made.path, { 'c.txt': 'not committed\n' });
  sh(t.repo.root, 'worktree', 'lock', made.path);
  await removeWorktree(t.repo, made.path);
  await removeWorktree(t.repo, made.path);
  expect(existsSync(made.path)).toBe(false);
  expect(sh(t.repo.root, 'worktree', 'list').split('\n')).toHaveLength(1);
  const kept = sh(t.repo.root, 'for-each-ref', '--format=%(refname)', 'refs/rasen/t1/kept/');
  expect(sh(t.repo.root, 'show', `${kept}:c.txt`)).toBe('not committed');
  expect(sh(t.repo.root, 'rev-parse', 'rasen/t1')).toBe(t.base);
  sh(t.repo.root, 'worktree', 'add', '-q', join(t.folder, 'mine'), '-b', 'mine');
  await expect(removeWorktree(t.repo, join(t.folder, 'mine'))).rejects.toMatchObject({ kind: 'git' });
  await expect(removeWorktree(t.repo, t.repo.root)).rejects.toMatchObject({ kind: 'git' });
  expect(existsSync(join(t.folder, 'mine/a.txt'))).toBe(true);
  expect((await ensureWorktree(t.repo, request('t1'))).path).toBe(made.path);
});

test('a fresh checkout replaces its predecessor and nothing else', async () => {
  const path = join(t.folder, 'scratch/final');
  await freshCheckout(t.repo, { task: 't1', commit: t.base, path });
  write(path, { 'a.txt': 'dirty\n', 'junk/x': 'x' });
  const next = commitAll(t.repo.root, 'next');
  await freshCheckout(t.repo, { task: 't1', commit: next, path });
  expect(sh(path, 'rev-parse', 'HEAD')).toBe(next);
  expect(sh(path, 'status', '--porcelain')).toBe('');
  write(t.folder, { 'precious/file': 'x' });
  await expect(
    freshCheckout(t.repo, { task: 't1', commit: next, path: join(t.folder, 'precious') }),
  ).rejects.toMatchObject({ kind: 'git' });
  await removeWorktree(t.repo, path);
  expect(sh(t.repo.root, 'worktree', 'list').split('\n')).toHaveLength(1);
});

test.runIf(process.platform === 'linux')(
  'a lock that is open, or a git at work, keeps the lock',
  async () => {
    const made = await ensureWorktree(t.repo, request('t1'));
    const lock = join(t.repo.common_dir, 'worktrees/task-t1/index.lock');
    const gone = async (child: ChildProcess) => {
      child.kill('SIGKILL');
      await once(child, 'exit');
    };
    const run = async (command: string, cwd: string) => {
      const child = spawn('sh', ['-c', `${command}; echo ready; read x`], {
        cwd,
        stdio: ['pipe', 'pipe', 'inherit'],
      });
      await once(child.stdout!, 'data');
      return child;
    };
    const holder = await run(`exec 3>'${lock}'`, '/');
    expect(await clearStaleLocks(t.repo, { ...made, task: 't1' })).toEqual([]);
    await gone(holder);
    const shell = await run('true', made.path);
    const git = spawn('git', ['cat-file', '--batch'], { cwd: made.path, stdio: ['pipe', 'pipe', 'inherit'] });
    git.stdin!.write('HEAD\n');
    await once(git.stdout!, 'data');
    expect(await clearStaleLocks(t.repo, { ...made, task: 't1' })).toEqual([]);
    await gone(git);
    // A shell that stands in the worktree holds nothing.
    expect(await clearStaleLocks(t.repo, { ...made, task: 't1' })).toEqual([lock]);
    await gone(shell);
  },
);

test.each([
  ['empty', ''],
  ['nowhere', `${'1'.repeat(40)}\n`],
])('a branch file that a power cut left %s is mended from its log', async (_, content) => {
  const made = await ensureWorktree(t.repo, request('t1'));
  const tip = commitAll(made.path, 'work');
  writeFileSync(join(t.repo.common_dir, 'refs/heads/rasen/t1'), content);
  await ensureWorktree(t.repo, request('t1'));
  expect(sh(made.path, 'rev-parse', 'HEAD')).toBe(tip);
  expect(sh(made.path, 'status', '--porcelain')).toBe('');
});

test('stale locks go, the user’s stay', async () => {
  const made = await ensureWorktree(t.repo, request('t1'));
  const admin = join(t.repo.common_dir, 'worktrees/task-t1');
  writeFileSync(join(admin, 'index.lock'), '');
  writeFileSync(join(t.repo.common_dir, 'index.lock'), '');
  const removed = await clearStaleLocks(t.repo, { ...made, task: 't1' }, { tree_empty: true });
  // Elsewhere than on Linux a lock must have some age, which this one has not.
  expect(removed).toEqual(process.platform === 'linux' ? [join(admin, 'index.lock')] : []);
  expect(existsSync(join(t.repo.common_dir, 'index.lock'))).toBe(true);
});

test('the moved project is found in its new place', async () => {
  const known = await ensureWorktree(t.repo, request('t1'));
  const old = t.repo.root;
  renameSync(old, join(t.folder, 'elsewhere'));
  t.repo = await openTest(join(t.folder, 'elsewhere'));
  const again = await ensureWorktree(t.repo, { ...request('t1'), known });
  expect(again.path).toBe(join(t.folder, 'elsewhere/.worktrees/task-t1'));
  expect(sh(again.path, 'status', '--porcelain')).toBe('');
});

test('excludes are added once and the user’s lines stay', async () => {
  const file = join(t.repo.common_dir, 'info/exclude');
  writeFileSync(file, '# mine\n*.tmp');
  await Promise.all([
    excludeLocally(t.repo, ['.rasen/', '.worktrees/']),
    excludeLocally(t.repo, ['.rasen/']),
  ]);
  expect(readFileSync(file, 'utf8')).toBe('# mine\n*.tmp\n.rasen/\n.worktrees/\n');
});
