/** Finding repositories, and git's own failures as errors that say what to do. */
import { mkdirSync, mkdtempSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { currentBranch, findRepository, resolveCommit } from '../../../src/git/repository.ts';
import { git } from '../../../src/git/run.ts';
import { makeRepo, openTest, removeFolder, sh, type TestRepo } from '../../support/git-repo.ts';

let t: TestRepo;
beforeEach(async () => {
  t = await makeRepo();
});
afterEach(() => removeFolder(t.folder));

test('a folder below, and a linked worktree of the user', async () => {
  const root = t.repo.root;
  expect(await findRepository(join(root, 'src'))).toEqual({
    root,
    folder: 'src',
    git_dir: join(root, '.git'),
    common_dir: join(root, '.git'),
  });
  const linked = join(t.folder, 'linked');
  sh(root, 'worktree', 'add', '-q', '-b', 'side', linked);
  const found = await findRepository(linked);
  expect(found).toEqual({
    root: linked,
    folder: '',
    git_dir: join(root, '.git/worktrees/linked'),
    common_dir: join(root, '.git'),
  });
  expect(await currentBranch(await openTest(linked))).toBe('side');
});

test.each([
  ['no folder', () => join(t.folder, 'none'), 'not a folder'],
  ['no repository', () => mkdtempSync(join(t.folder, 'plain-')), 'no git repository'],
  [
    'bare',
    () => {
      const bare = join(t.folder, 'bare.git');
      sh(t.folder, 'init', '-q', '--bare', bare);
      return bare;
    },
    'bare',
  ],
  [
    'no commit',
    () => {
      const empty = join(t.folder, 'empty');
      mkdirSync(empty);
      sh(empty, 'init', '-q');
      return empty;
    },
    'no commit',
  ],
  ['inside .git', () => t.repo.common_dir, 'inside a .git folder'],
])('%s is not_git', async (_, make, words) => {
  await expect(findRepository(make())).rejects.toMatchObject({
    kind: 'not_git',
    message: expect.stringContaining(words),
    hint: expect.any(String),
  });
});

test('revisions', async () => {
  sh(t.repo.root, 'tag', '-a', 'v1', '-m', 'v1');
  for (const rev of ['HEAD', 'main', 'v1', t.base.slice(0, 10)]) {
    expect(await resolveCommit(t.repo, rev)).toBe(t.base);
  }
  for (const rev of ['nope', '', '--all', 'HEAD:a.txt', `${'0'.repeat(40)}`]) {
    await expect(resolveCommit(t.repo, rev)).rejects.toMatchObject({
      kind: 'git',
      message: expect.stringContaining(`"${rev}"`),
    });
  }
});

test('the branch, and none when detached', async () => {
  sh(t.repo.root, 'switch', '-q', '-c', 'feature/one');
  sh(t.repo.root, 'tag', 'feature/one');
  expect(await currentBranch(t.repo)).toBe('feature/one');
  sh(t.repo.root, 'checkout', '-q', '--detach');
  expect(await currentBranch(t.repo)).toBeNull();
});

test('a failure quotes git', async () => {
  await expect(git(['show', 'nope'], { cwd: t.repo.root })).rejects.toMatchObject({
    kind: 'git',
    message: expect.stringMatching(/^git show nope in .* failed \(128\): .*unknown revision/s),
  });
});

test('a git that hangs is ended', async () => {
  const slow = join(t.folder, 'slow.sh');
  writeFileSync(slow, '#!/bin/sh\nexec sleep 60\n', { mode: 0o755 });
  await expect(
    git(['-c', `alias.slow=!${slow}`, 'slow'], { cwd: t.repo.root, timeout_ms: 300 }),
  ).rejects.toMatchObject({ kind: 'git', message: expect.stringContaining('longer than 0.3 s') });
});

test('output has a cap', async () => {
  const args = ['cat-file', '-p', 'HEAD'];
  await expect(git(args, { cwd: t.repo.root, max_bytes: 10 })).rejects.toMatchObject({ kind: 'git' });
  const cut = await git(args, { cwd: t.repo.root, max_bytes: 10, cut: true });
  expect([cut.cut, cut.stdout.length]).toEqual([true, 10]);
});
