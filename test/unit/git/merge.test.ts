/** Merging: the only act that touches the user's branches, so most tests are about what must not move. */
import { existsSync, readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { RasenError } from '../../../src/contract/errors.ts';
import { type MergeRequest, merge } from '../../../src/git/merge.ts';
import { ensureWorktree, type Worktree } from '../../../src/git/worktree.ts';
import {
  commitAll,
  fingerprint,
  makeRepo,
  removeFolder,
  sh,
  type TestRepo,
  write,
} from '../../support/git-repo.ts';

let t: TestRepo;
let w: Worktree;
let work: string;
beforeEach(async () => {
  t = await makeRepo();
  w = await ensureWorktree(t.repo, { task: 't1', slug: 'x', base: t.base, base_path: '.worktrees' });
  write(w.path, { 'a.txt': 'task\n', 'new.txt': 'new\n' });
  work = commitAll(w.path, 'task');
});
afterEach(() => {
  // The checkout of the merge never stays.
  expect(existsSync(join(t.folder, 'scratch/merge-t1'))).toBe(false);
  expect(sh(t.repo.root, 'worktree', 'list').split('\n').length).toBeLessThanOrEqual(3);
  removeFolder(t.folder);
});

const request = (more: Partial<MergeRequest> = {}): MergeRequest => ({
  task: 't1',
  commit: work,
  into: null,
  squash: false,
  message: 'Merge the task',
  scratch: join(t.folder, 'scratch'),
  check: async () => {},
  ...more,
});
const main = () => sh(t.repo.root, 'rev-parse', 'main');

test('fast-forward of the branch that is checked out', async () => {
  let checked = '';
  const check = async (checkout: string, commit: string) => {
    checked = commit;
    expect(readFileSync(join(checkout, 'new.txt'), 'utf8')).toBe('new\n');
    expect(main()).toBe(t.base);
  };
  const merged = await merge(t.repo, request({ check }));
  expect(merged).toEqual({ into: 'main', before: t.base, commit: work, fast_forward: true });
  expect(checked).toBe(work);
  expect(main()).toBe(work);
  expect(sh(t.repo.root, 'status', '--porcelain')).toBe('');
});

test('a real merge, and the second is a no-op', async () => {
  write(t.repo.root, { 'other.txt': 'user\n' });
  const before = commitAll(t.repo.root, 'user');
  const merged = await merge(t.repo, request());
  expect(merged).toMatchObject({ before, fast_forward: false });
  expect(sh(t.repo.root, 'log', '-1', '--format=%P%n%B')).toBe(
    `${before} ${work}\nMerge the task\n\nRasen-Task: t1\nRasen-Commit: ${work}`,
  );
  expect(sh(t.repo.root, 'status', '--porcelain')).toBe('');
  let checks = 0;
  const check = async () => {
    checks += 1;
  };
  const again = await merge(t.repo, request({ check }));
  expect(again).toMatchObject({ before: merged.commit, commit: merged.commit });
  expect([checks, main()]).toEqual([0, merged.commit]);
});

test('squash is one commit with one parent, also the second time', async () => {
  const merged = await merge(t.repo, request({ squash: true }));
  expect(sh(t.repo.root, 'log', '-1', '--format=%P')).toBe(t.base);
  commitAll(t.repo.root, 'user goes on');
  const tip = main();
  expect((await merge(t.repo, request({ squash: true }))).commit).toBe(merged.commit);
  expect(main()).toBe(tip);
  // More work of the same task is a new merge.
  write(w.path, { 'more.txt': 'more\n' });
  const more = commitAll(w.path, 'more');
  await merge(t.repo, request({ squash: true, commit: more }));
  expect(readFileSync(join(t.repo.root, 'more.txt'), 'utf8')).toBe('more\n');
});

test('a squash of what is there already makes no commit', async () => {
  sh(t.repo.root, 'merge', '-q', '--squash', work);
  const tip = commitAll(t.repo.root, 'by hand');
  expect((await merge(t.repo, request({ squash: true }))).commit).toBe(tip);
  expect(main()).toBe(tip);
});

test('a conflict names the files and moves nothing', async () => {
  write(t.repo.root, { 'a.txt': 'user\n' });
  commitAll(t.repo.root, 'user');
  const before = fingerprint(t.repo.root);
  for (const squash of [false, true]) {
    await expect(merge(t.repo, request({ squash }))).rejects.toMatchObject({
      kind: 'merge_conflict',
      data: { files: ['a.txt'] },
    });
  }
  expect(fingerprint(t.repo.root)).toEqual(before);
});

test('a refusal of the gates moves nothing', async () => {
  const before = fingerprint(t.repo.root);
  const check = async (checkout: string) => {
    write(checkout, { 'a.txt': 'a gate wrote here\n' });
    throw new RasenError('gate_failed', 'tests fail');
  };
  await expect(merge(t.repo, request({ check }))).rejects.toMatchObject({ kind: 'gate_failed' });
  expect(fingerprint(t.repo.root)).toEqual(before);
});

test('unrelated changes of the user survive, staged and not', async () => {
  write(t.repo.root, { 'src/b.txt': 'staged\n', 'notes.txt': 'untracked\n' });
  sh(t.repo.root, 'add', 'src/b.txt');
  write(t.repo.root, { 'src/b.txt': 'edited\n' });
  await merge(t.repo, request());
  expect(sh(t.repo.root, 'status', '--porcelain').split('\n').sort()).toEqual([
    '?? notes.txt',
    'MM src/b.txt',
  ]);
  expect(readFileSync(join(t.repo.root, 'a.txt'), 'utf8')).toBe('task\n');
  expect(readFileSync(join(t.repo.root, 'src/b.txt'), 'utf8')).toBe('edited\n');
});

test.each([
  ['edited', 'a.txt'],
  ['untracked', 'new.txt'],
])('a file in the way (%s) is named and nothing moves', async (_, file) => {
  write(t.repo.root, { [file]: 'mine\n' });
  const before = fingerprint(t.repo.root);
  await expect(merge(t.repo, request())).rejects.toMatchObject({ kind: 'git', data: { files: [file] } });
  const after = fingerprint(t.repo.root);
  // git writes down which commit it was asked to merge, and refreshes the times in the index.
  for (const name of ['.git/index', '.git/ORIG_HEAD']) {
    before.delete(name);
    after.delete(name);
  }
  expect(after).toEqual(before);
});

test('a branch that is not checked out moves, the checkout stays', async () => {
  sh(t.repo.root, 'branch', 'release');
  const head = readFileSync(join(t.repo.root, 'a.txt'), 'utf8');
  const merged = await merge(t.repo, request({ into: 'release' }));
  expect(sh(t.repo.root, 'rev-parse', 'release')).toBe(merged.commit);
  expect([main(), readFileSync(join(t.repo.root, 'a.txt'), 'utf8')]).toEqual([t.base, head]);
});

test('a branch checked out in another worktree of the user is moved there', async () => {
  const side = join(t.folder, 'side');
  sh(t.repo.root, 'worktree', 'add', '-q', '-b', 'side', side);
  await merge(t.repo, request({ into: 'side' }));
  expect(readFileSync(join(side, 'a.txt'), 'utf8')).toBe('task\n');
  expect(sh(side, 'status', '--porcelain')).toBe('');
  rmSync(side, { recursive: true });
  write(w.path, { 'more.txt': 'more\n' });
  const more = commitAll(w.path);
  await expect(merge(t.repo, request({ into: 'side', commit: more }))).rejects.toMatchObject({ kind: 'git' });
  expect(sh(t.repo.root, 'rev-parse', 'side')).toBe(work);
});

test('the branch moves while gates run: merged anew onto the new tip', async () => {
  let checks = 0;
  const check = async () => {
    checks += 1;
    if (checks > 1) return;
    write(t.repo.root, { 'user.txt': 'user\n' });
    commitAll(t.repo.root, 'meanwhile');
  };
  const merged = await merge(t.repo, request({ check }));
  expect([checks, merged.fast_forward]).toEqual([2, false]);
  expect(existsSync(join(t.repo.root, 'user.txt'))).toBe(true);
  expect(existsSync(join(t.repo.root, 'new.txt'))).toBe(true);
});

test('killed after the files of the checkout were updated: the second call finishes', async () => {
  // What git leaves when it is killed between the checkout and the update of the ref.
  sh(t.repo.root, 'read-tree', '-m', '-u', t.base, work);
  expect(main()).toBe(t.base);
  await merge(t.repo, request());
  expect(main()).toBe(work);
  expect(sh(t.repo.root, 'status', '--porcelain')).toBe('');
});

test('no such branch, and no branch at all', async () => {
  await expect(merge(t.repo, request({ into: 'nope' }))).rejects.toMatchObject({
    kind: 'git',
    message: expect.stringContaining('"nope"'),
  });
  sh(t.repo.root, 'checkout', '-q', '--detach');
  await expect(merge(t.repo, request())).rejects.toMatchObject({ kind: 'git' });
});
