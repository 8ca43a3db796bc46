/**
 * Locks that a git has left which did not live to remove them, as a power cut does between a lock and its rename: each
 * effect goes on by itself, in both kinds of workspace, and the user's own git afterwards.
 */
import { existsSync, mkdirSync, utimesSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { afterEach, expect, test } from 'vitest';
import { deleteTaskBranch } from '../../../src/git/forget.ts';
import { deleteTaskRefs } from '../../../src/git/history.ts';
import { merge } from '../../../src/git/merge.ts';
import { markGood } from '../../../src/git/refs.ts';
import type { Isolation } from '../../../src/git/repository.ts';
import { resetWorktree } from '../../../src/git/reset.ts';
import { sealAttempt } from '../../../src/git/seal.ts';
import { ensureWorktree, removeWorktree, type Worktree } from '../../../src/git/worktree.ts';
import { makeRepo, removeFolder, sh, type TestRepo, write } from '../../support/git-repo.ts';

let t: TestRepo;
let w: Worktree;
afterEach(() => removeFolder(t.folder));

/** Long ago, as far as a git at work is concerned. */
function leave(...names: string[]): void {
  for (const name of names) {
    const path = join(t.repo.common_dir, name);
    mkdirSync(dirname(path), { recursive: true });
    writeFileSync(path, '');
    utimesSync(path, 1, 1);
  }
}

const seal = (attempt: number, good: string) =>
  sealAttempt(t.repo, w, { good, marks: { task: 't1', subtask: 's', attempt }, title: 'try' });

test.each<Isolation>(['clone', 'linked'])('%s: from the worktree to the merge, and away', async kind => {
  t = await makeRepo(undefined, kind);
  leave('refs/rasen/t1/base.lock', 'refs/heads/rasen/x.lock', 'packed-refs.lock', 'packed-refs.new');
  const ensure = () =>
    ensureWorktree(t.repo, {
      task: 't1',
      slug: 'x',
      base: t.base,
      base_path: '.worktrees',
      known: w ?? null,
    });
  w = await ensure();
  write(w.path, { 'a.txt': 'first\n' });
  const theirs = sh(w.path, 'rev-parse', '--absolute-git-dir');
  const left = ['index.lock', 'HEAD.lock', 'logs/HEAD.lock', 'modules/lib/index.lock'];
  if (kind === 'clone') left.push('refs/heads/rasen/x.lock');
  for (const name of left) {
    mkdirSync(dirname(join(theirs, name)), { recursive: true });
    writeFileSync(join(theirs, name), '');
  }
  leave('refs/rasen/t1/attempt/s/1.lock', 'refs/heads/rasen/x.lock', 'HEAD.lock');
  const first = await seal(1, t.base);
  for (const name of left)
    expect(existsSync(join(theirs, name)), `${name} of whoever works there`).toBe(false);
  leave('refs/rasen/t1/good/1.lock');
  await markGood(t.repo, { task: 't1', k: 1, commit: first.commit });
  write(w.path, { 'a.txt': 'worse\n' });
  await seal(2, first.commit);
  leave('refs/heads/rasen/x.lock');
  await resetWorktree(t.repo, w, first.commit, []);
  leave('index.lock', 'HEAD.lock', 'refs/heads/main.lock', 'logs/HEAD.lock');
  const merged = await merge(t.repo, {
    ...{ task: 't1', commit: first.commit, into: null, squash: true, message: 'Merge the task' },
    scratch: join(t.folder, 'scratch'),
    check: async () => {},
  });
  expect(sh(t.repo.root, 'rev-parse', 'main')).toBe(merged.commit);
  sh(t.repo.root, 'pack-refs', '--all');
  leave('packed-refs.lock', 'packed-refs.new', 'refs/rasen/t1/good/1.lock');
  await removeWorktree(t.repo, w.path);
  await deleteTaskBranch(t.repo, { task: 't1', branch: w.branch, merged: true });
  leave('packed-refs.new');
  await deleteTaskRefs(t.repo, 't1');
  expect(sh(t.repo.root, 'for-each-ref', '--format=%(refname)')).toBe('refs/heads/main');
  expect(sh(t.repo.root, 'status', '--porcelain')).toBe('');
  sh(t.repo.root, 'commit', '-q', '--allow-empty', '-m', 'of the user');
  sh(t.repo.root, 'pack-refs', '--all');
});
