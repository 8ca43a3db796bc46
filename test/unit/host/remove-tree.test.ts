/** Removal of folders that agents could write: what goes, and what must stay. */
import { execFileSync } from 'node:child_process';
import { chmodSync, existsSync, mkdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { resetWorktree } from '../../../src/git/reset.ts';
import { ensureWorktree } from '../../../src/git/worktree.ts';
import { removeTree } from '../../../src/host/remove-tree.ts';
import { makeRepo, removeFolder, tempFolder } from '../../support/git-repo.ts';

let folder: string;
beforeEach(() => {
  folder = tempFolder();
  mkdirSync(join(folder, 'precious'));
  writeFileSync(join(folder, 'precious/gold'), 'gold\n');
});
afterEach(() => removeFolder(folder));
const isWhole = () => readFileSync(join(folder, 'precious/gold'), 'utf8') === 'gold\n';

test('files, links, FIFOs, folders without permissions and strange names go; links are not followed', async () => {
  const tree = join(folder, '-rf tree');
  mkdirSync(join(tree, 'locked/in'), { recursive: true });
  writeFileSync(join(tree, 'locked/in/file\n'), '');
  symlinkSync(join(folder, 'precious'), join(tree, 'link'));
  execFileSync('mkfifo', [join(tree, 'fifo')]);
  chmodSync(join(tree, 'locked'), 0o500);
  await removeTree(tree);
  await removeTree(tree);
  expect([existsSync(tree), isWhole()]).toEqual([false, true]);
  symlinkSync(join(folder, 'precious'), tree);
  await removeTree(tree);
  expect([existsSync(tree), isWhole()]).toEqual([false, true]);
});

test('a path that leads through a link, and one that holds what must stay, are refused', async () => {
  symlinkSync(folder, join(folder, 'way'));
  await expect(removeTree(join(folder, 'way/precious'))).rejects.toMatchObject({ kind: 'git' });
  const keep = [join(folder, 'precious/project')];
  await expect(removeTree(join(folder, 'precious'), { keep })).rejects.toMatchObject({ kind: 'git' });
  const { HOME } = process.env;
  process.env.HOME = join(folder, 'precious/home');
  try {
    await expect(removeTree(join(folder, 'precious'))).rejects.toMatchObject({ kind: 'git' });
  } finally {
    process.env.HOME = HOME;
  }
  expect(isWhole()).toBe(true);
});

/** Needs the right to mount. */
const mayMount = (() => {
  try {
    execFileSync('unshare', ['--mount', 'true'], { stdio: 'ignore' });
    return process.platform === 'linux' && process.getuid?.() === 0;
  } catch {
    return false;
  }
})();

test.skipIf(!mayMount)('a folder with somebody’s folder mounted in it is not removed', async () => {
  const tree = join(folder, 'tree');
  mkdirSync(join(tree, 'mounted here'), { recursive: true });
  execFileSync('mount', ['--bind', join(folder, 'precious'), join(tree, 'mounted here')]);
  try {
    await expect(removeTree(tree)).rejects.toMatchObject({
      message: expect.stringContaining('mounted here'),
    });
    expect(isWhole()).toBe(true);
  } finally {
    execFileSync('umount', [join(tree, 'mounted here')]);
  }
  await removeTree(tree);
  expect([existsSync(tree), isWhole()]).toEqual([false, true]);
});

test.skipIf(!mayMount)('nor is a worktree rolled back that has one', async () => {
  const t = await makeRepo();
  const w = await ensureWorktree(t.repo, { task: 't1', slug: 'x', base: t.base, base_path: '.worktrees' });
  const point = join(w.path, 'point');
  mkdirSync(point);
  execFileSync('mount', ['--bind', join(folder, 'precious'), point]);
  try {
    await expect(resetWorktree(t.repo, w, t.base, [])).rejects.toMatchObject({ kind: 'git' });
    expect(isWhole()).toBe(true);
  } finally {
    execFileSync('umount', [point]);
    removeFolder(t.folder);
  }
});
