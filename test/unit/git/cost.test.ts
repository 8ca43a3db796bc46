/**
 * What lies between two sessions of an agent, in programs of git: each costs more than most of what it answers. And what is
 * left out because it is known must be looked at where it is not.
 */
import { execFileSync } from 'node:child_process';
import { chmodSync, existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { resetWorktree } from '../../../src/git/reset.ts';
import { type Sealed, sealAttempt } from '../../../src/git/seal.ts';
import { usersChanges, usersState } from '../../../src/git/users-state.ts';
import { ensureWorktree, type Worktree } from '../../../src/git/worktree.ts';
import { makeRepo, removeFolder, sh, type TestRepo, write } from '../../support/git-repo.ts';

let t: TestRepo;
let w: Worktree;
let trace: string;
beforeEach(async () => {
  t = await makeRepo({ 'a.txt': 'one\n', 'src/b.txt': 'two\n' }, 'clone');
  const bin = join(t.folder, 'bin');
  trace = join(t.folder, 'trace');
  const real = execFileSync('sh', ['-c', 'command -v git'], { encoding: 'utf8' }).trim();
  const settings = 'while [ "$1" = -c ]; do shift 2; done; echo "$1"';
  write(bin, { git: `#!/bin/sh\n(${settings}) >>'${trace}'\nexec '${real}' "$@"\n` });
  chmodSync(join(bin, 'git'), 0o755);
  t.repo = { ...t.repo, env: { ...t.repo.env, PATH: `${bin}:${t.repo.env.PATH}` } };
  w = await ensureWorktree(t.repo, { task: 't1', slug: 'x', base: t.base, base_path: '.worktrees' });
});
afterEach(() => removeFolder(t.folder));

const seal = (attempt: number, good = t.base): Promise<Sealed> =>
  sealAttempt(t.repo, w, { good, marks: { task: 't1', subtask: 's', attempt }, title: 'work' });

async function programs(act: () => Promise<unknown>): Promise<string[]> {
  writeFileSync(trace, '');
  await act();
  return readFileSync(trace, 'utf8').trim().split('\n').sort();
}

test('a seal, and a reset to what was sealed', async () => {
  await resetWorktree(t.repo, w, t.base, []);
  write(w.path, { 'a.txt': 'work\n', 'new/c.txt': 'new\n' });
  let sealed!: Sealed;
  const looks = ['cat-file', 'for-each-ref'];
  expect(
    await programs(async () => {
      sealed = await seal(1);
    }),
  ).toEqual([...looks, 'add', 'commit-tree', 'diff-tree', 'update-ref', 'write-tree'].sort());
  expect(await programs(() => resetWorktree(t.repo, w, sealed.commit, []))).toEqual(
    [...looks, 'ls-files', 'status'].sort(),
  );
  // The clone has all of it, as its own git says.
  expect(sh(w.path, 'fsck', '--strict', '--connectivity-only')).not.toMatch(/missing|broken/);
  expect(sh(w.path, 'rev-parse', 'HEAD', 'rasen/x')).toBe(`${sealed.commit}\n${sealed.commit}`);
});

test('a look at the user’s side asks about the index where that was written, and about it alone', async () => {
  const root = t.repo.root;
  const before = await usersState(t.repo);
  expect(await programs(() => usersState(t.repo))).toEqual(['for-each-ref']);
  write(root, { 'staged.txt': 'x\n' });
  sh(root, 'add', 'staged.txt');
  expect(await programs(() => usersState(t.repo))).toEqual(['diff-index', 'for-each-ref']);
  const said = await usersChanges(t.repo, 't1', before);
  expect(said.map(({ what }) => what)).toEqual(['index']);
  // A commit takes it away, and so does one that leaves the index as it is.
  sh(root, 'commit', '-qm', 'second');
  expect((await usersState(t.repo)).staged).toBe(before.staged);
  sh(root, 'update-ref', 'refs/heads/main', t.base);
  expect((await usersState(t.repo)).staged).not.toBe(before.staged);
});

test('what an agent commits beside its branch is kept, also where the user’s refs are known', async () => {
  sh(t.repo.root, 'branch', 'old');
  write(t.repo.root, { 'a.txt': 'more\n' });
  sh(t.repo.root, 'commit', '-qam', 'second');
  await resetWorktree(t.repo, w, t.base, []);
  sh(w.path, 'checkout', '-q', '-b', 'idea');
  write(w.path, { 'idea.txt': 'idea\n' });
  sh(w.path, 'add', '-A');
  sh(w.path, 'commit', '-qm', 'idea');
  const idea = sh(w.path, 'rev-parse', 'HEAD');
  sh(w.path, 'checkout', '-q', 'rasen/x');
  write(w.path, { 'a.txt': 'work\n' });
  const sealed = await seal(1);
  expect(sealed.elsewhere).toEqual([{ name: 'refs/heads/idea', commit: idea }]);
  expect(sh(t.repo.root, 'for-each-ref', '--format=%(refname)', '--contains', idea)).toBe(
    `refs/rasen/t1/kept/${idea}`,
  );
});

test('an object that goes from the clone is there again for the next session', async () => {
  await resetWorktree(t.repo, w, t.base, []);
  write(w.path, { 'a.txt': 'work\n' });
  const sealed = await seal(1);
  for (const rev of [`${t.base}:src/b.txt`, `${sealed.commit}:a.txt`, sealed.commit]) {
    const id = sh(t.repo.root, 'rev-parse', rev);
    const file = join(w.path, '.git/objects', id.slice(0, 2), id.slice(2));
    rmSync(file);
    await resetWorktree(t.repo, w, sealed.commit, []);
    expect(sh(w.path, 'cat-file', '-t', id), rev).not.toBe('');
  }
});

test('what differs from what was sealed is seen by a reset, whatever it is', async () => {
  await resetWorktree(t.repo, w, t.base, []);
  write(w.path, { 'a.txt': 'work\n' });
  const { commit } = await seal(1);
  const there = (path: string) => existsSync(join(w.path, path));
  const changes: [string, () => void, () => void][] = [
    ['a file', () => write(w.path, { 'a.txt': 'x\n' }), () => expect(read('a.txt')).toBe('work\n')],
    ['a file that goes', () => rmSync(join(w.path, 'a.txt')), () => expect(read('a.txt')).toBe('work\n')],
    ['a mode', () => chmodSync(join(w.path, 'a.txt'), 0o755), () => expect(mode('a.txt')).toBe('-rw-r--r--')],
    ['a new file', () => write(w.path, { 'n.txt': 'x\n' }), () => expect(there('n.txt')).toBe(false)],
    ['an empty folder', () => mkdirSync(join(w.path, 'in')), () => expect(there('in')).toBe(false)],
    ['what is staged', () => sh(w.path, 'rm', '-q', '--cached', 'a.txt'), () => expect(staged()).toBe('')],
    ['a branch', () => sh(w.path, 'checkout', '-q', '--detach', t.base), () => expect(head()).toBe(commit)],
  ];
  const read = (path: string) => readFileSync(join(w.path, path), 'utf8');
  const mode = (path: string) =>
    execFileSync('stat', ['-c', '%A', join(w.path, path)], { encoding: 'utf8' }).trim();
  const staged = () => sh(w.path, 'status', '--porcelain');
  const head = () => sh(w.path, 'rev-parse', 'rasen/x');
  for (const [what, act, check] of changes) {
    act();
    await resetWorktree(t.repo, w, commit, []);
    expect(sh(w.path, 'status', '--porcelain', '-b'), what).toBe('## rasen/x');
    check();
  }
});
