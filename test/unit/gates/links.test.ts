/** Links and names that lead out of the tree, as the diff gate sees them. */
import { execFileSync } from 'node:child_process';
import { mkdirSync, renameSync, rmSync, symlinkSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { judgeDiff } from '../../../src/gates/diff.ts';
import { isGitInDisguise, whereTo } from '../../../src/gates/links.ts';
import { readChanges } from '../../../src/git/changes.ts';
import { commitAll, makeRepo, removeFolder, sh, type TestRepo, write } from '../../support/git-repo.ts';

let t: TestRepo;
beforeEach(async () => {
  t = await makeRepo();
});
afterEach(() => removeFolder(t.folder));

const judge = async (good = t.base) => {
  const commit = commitAll(t.repo.root);
  const changes = await readChanges(t.repo, good, commit);
  return judgeDiff({ changes, protected: [], tests: [] });
};
const link = (target: string, path: string) => symlinkSync(target, join(t.repo.root, path));

test.each([
  ['/etc/passwd', 'passwd', 'absolute path'],
  ['../../secret', 'src/up', 'out of the tree'],
  ['..', 'top', 'out of the tree'],
  ['d/../../x', 'behind', 'behind a name'],
  ['../.git/hooks', 'src/hooks', '.git'],
  ['.GIT/config', 'config', '.git'],
])('a link to %s needs a person', async (target, path, why) => {
  link(target, path);
  const result = await judge();
  expect(result).toMatchObject({ passed: false, needs_person: true });
  expect(result.findings).toEqual([{ kind: 'link', path, line: null, text: expect.stringContaining(why) }]);
});

test('links within the tree pass, and so do those that the project had before', async () => {
  link('/usr/share/dict', 'dict');
  const base = commitAll(t.repo.root, 'with a link out');
  link('b.txt', 'src/same');
  link('../a.txt', 'src/up');
  link('nothing/here', 'dangling');
  write(t.repo.root, { 'a.txt': 'changed\n' });
  expect(await judge(base)).toMatchObject({ passed: true });
});

test('a link that is moved to where it leads out, and one that is changed to', async () => {
  mkdirSync(join(t.repo.root, 'deep/er'), { recursive: true });
  link('../../a.txt', 'deep/er/moved');
  link('b.txt', 'src/changed');
  const base = commitAll(t.repo.root, 'with links');
  renameSync(join(t.repo.root, 'deep/er/moved'), join(t.repo.root, 'src/moved'));
  rmSync(join(t.repo.root, 'src/changed'));
  link('/etc', 'src/changed');
  expect((await judge(base)).findings.map(f => `${f.kind} ${f.path}`).sort()).toEqual([
    'link src/changed',
    'link src/moved',
  ]);
});

test('a tree with `.git` in disguise, which only a plumbing command makes', async () => {
  const blob = sh(t.repo.root, 'rev-parse', 'HEAD:a.txt');
  for (const name of ['.GIT', '.gi\u200ct', 'git~1', '.git::$INDEX_ALLOCATION', '.git ']) {
    const mktree = (text: string) =>
      execFileSync('git', ['mktree'], { cwd: t.repo.root, input: text, encoding: 'utf8' }).trim();
    const inner = mktree(`100644 blob ${blob}\tconfig\n`);
    const tree = mktree(`040000 tree ${inner}\t${name}\n`);
    const commit = sh(t.repo.root, 'commit-tree', tree, '-p', t.base, '-m', 'disguise');
    const changes = await readChanges(t.repo, t.base, commit);
    const { findings } = judgeDiff({ changes, protected: [], tests: [] });
    expect(
      findings.filter(f => f.path === `${name}/config`).map(f => f.kind),
      name,
    ).toContain(name === '.GIT' ? 'protected' : 'git_name');
  }
});

test('names and places that are nothing special', () => {
  for (const name of ['.gitignore', '.github', 'git', '.git-blame-ignore-revs', 'a.git', 'git~1x'])
    expect(isGitInDisguise(name), name).toBe(false);
  for (const target of ['b', './b', '../b', 'c/./d', '..//b'])
    expect(whereTo('a/l', target), target).toBeNull();
});
