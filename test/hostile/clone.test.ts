/**
 * A clone is its agent's to do with as it likes. Random git commands in it, by one that commits and one that does not:
 * the user's repository stays as it was, byte for byte, and no commit that was accepted is lost. And one that is made to
 * harm whoever reads it: nothing of it is run, nothing is waited for, nothing elsewhere is read or written.
 */
import { execFileSync, spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import {
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  truncateSync,
  writeFileSync,
} from 'node:fs';
import { dirname, join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { markGood, resetWorktree, sealAttempt } from '../../src/git/commit.ts';
import { ensureWorktree, freshCheckout, type Worktree } from '../../src/git/worktree.ts';
import {
  fingerprint,
  makeRepo,
  openTest,
  removeFolder,
  sh,
  type TestRepo,
  write,
} from '../support/git-repo.ts';

const long = Boolean(process.env.RASEN_TEST_LONG);

let t: TestRepo;
let w: Worktree;
beforeEach(async () => {
  t = await makeRepo({ 'a.txt': 'one\n', 'src/b.txt': 'two\n' }, 'clone');
});
afterEach(() => removeFolder(t.folder));

const made = async () => {
  t.repo = await openTest(t.repo.root, 't1', 'clone');
  w = await ensureWorktree(t.repo, { task: 't1', slug: 'x', base: t.base, base_path: '.worktrees' });
};
const seal = (attempt: number, good = t.base) =>
  sealAttempt(t.repo, w, { good, marks: { task: 't1', subtask: 's', attempt }, title: 'work' });
const inClone = (...args: string[]) => spawnSync('git', args, { cwd: w.path, encoding: 'utf8', env: AGENT });
const AGENT = {
  ...process.env,
  GIT_CONFIG_GLOBAL: '/dev/null',
  GIT_CONFIG_NOSYSTEM: '1',
  GIT_AUTHOR_NAME: 'Agent',
  GIT_AUTHOR_EMAIL: 'agent@example.org',
  GIT_COMMITTER_NAME: 'Agent',
  GIT_COMMITTER_EMAIL: 'agent@example.org',
  GIT_EDITOR: 'true',
  GIT_TERMINAL_PROMPT: '0',
};

/** A repository as people have them: branches, tags, a stash, hooks, a remote, packed and loose objects, a worktree. */
function lived(): void {
  const root = t.repo.root;
  sh(root, 'branch', 'precious');
  sh(root, 'tag', '-a', '-m', 'v1', 'v1');
  execFileSync('git', ['init', '-q', '--bare', join(t.folder, 'origin.git')]);
  sh(root, 'remote', 'add', 'origin', join(t.folder, 'origin.git'));
  sh(root, 'push', '-q', 'origin', 'main');
  sh(root, 'fetch', '-q', 'origin');
  sh(root, 'repack', '-adq');
  write(root, { 'a.txt': 'one\nmore\n' });
  sh(root, 'commit', '-qam', 'second');
  t.base = sh(root, 'rev-parse', 'HEAD');
  write(root, { 'a.txt': 'one\nmore\nprivate\n' });
  sh(root, 'stash', '-q');
  write(root, { 'notes.txt': 'not added\n', 'a.txt': 'one\nmore\nin work\n' });
  sh(root, 'add', 'a.txt');
  mkdirSync(join(t.repo.common_dir, 'hooks'), { recursive: true });
  writeFileSync(join(t.repo.common_dir, 'hooks/pre-push'), '#!/bin/sh\nexit 1\n', { mode: 0o755 });
}

/** All that the user has: files, git's files, and every object that was there. */
function witness(): () => void {
  const root = t.repo.root;
  const users = () => Object.fromEntries(fingerprint(root));
  const objects = () => {
    const folder = t.repo.objects;
    const names = (readdirSync(folder, { recursive: true }) as string[]).filter(name =>
      /[0-9a-f]{38}/.test(name),
    );
    return names.sort().map(name => [name, hashOf(join(folder, name))]);
  };
  const before = { users: users(), objects: objects(), refs: userRefs(), stash: sh(root, 'stash', 'list') };
  const remote = sh(join(t.folder, 'origin.git'), 'for-each-ref');
  return () => {
    expect(users()).toEqual(before.users);
    expect(userRefs()).toEqual(before.refs);
    expect(sh(root, 'stash', 'list')).toBe(before.stash);
    expect(sh(join(t.folder, 'origin.git'), 'for-each-ref'), 'the remote').toBe(remote);
    expect(objects()).toEqual(expect.arrayContaining(before.objects));
    expect(() => sh(root, 'fsck', '--strict')).not.toThrow();
  };
}

const hashOf = (path: string) => createHash('sha256').update(readFileSync(path)).digest('hex');
const userRefs = () =>
  sh(t.repo.root, 'for-each-ref')
    .split('\n')
    .filter(line => !/refs\/(?:rasen|heads\/rasen)\//.test(line));

/** The same numbers for the same seed. */
function dice(seed: number): (below: number) => number {
  let state = seed >>> 0;
  return below => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return Math.floor((state / 2 ** 32) * below);
  };
}

type Command = (roll: (below: number) => number) => string[];
const COMMANDS: Command[] = [
  () => ['stash', '-u'],
  () => ['stash', 'pop'],
  () => ['stash', 'clear'],
  () => ['branch', '-D', 'precious'],
  () => ['branch', '-D', 'main'],
  () => ['branch', '-f', 'main', 'HEAD'],
  roll => ['checkout', '-q', '-B', `idea-${roll(3)}`],
  () => ['checkout', '-q', '--detach'],
  () => ['checkout', '-q', '-f', 'main'],
  () => ['checkout', '-q', '-f', 'rasen/x'],
  () => ['update-ref', 'refs/heads/main', 'HEAD~1'],
  () => ['update-ref', '-d', 'refs/remotes/origin/main'],
  () => ['config', 'core.bare', 'true'],
  () => ['config', '--unset', 'core.bare'],
  () => ['config', 'core.hooksPath', '/tmp'],
  () => ['config', 'user.name', 'Nobody'],
  () => ['gc', '-q', '--prune=now'],
  () => ['prune', '--expire=now'],
  () => ['reflog', 'expire', '--expire=now', '--all'],
  () => ['repack', '-adq'],
  () => ['pack-refs', '--all'],
  roll => ['worktree', 'add', '-q', '-f', `wt-${roll(3)}`],
  () => ['worktree', 'prune'],
  () => ['submodule', 'add', './', 'sub'],
  () => ['filter-branch', '-f', '--msg-filter', 'sed s/e/E/', 'HEAD'],
  () => ['clean', '-ffdxq'],
  () => ['push', '-q', '--force', 'origin', 'HEAD:main'],
  () => ['push', '-q', '--mirror', 'origin'],
  () => ['rebase', '-q', '--root'],
  () => ['rebase', '--abort'],
  () => ['tag', '-f', 'v1'],
  () => ['tag', '-d', 'v1'],
  () => ['sparse-checkout', 'set', 'src'],
  () => ['sparse-checkout', 'disable'],
  () => ['init', '-q'],
  () => ['reset', '-q', '--hard', 'HEAD~1'],
  () => ['reset', '-q', 'HEAD'],
  () => ['commit', '-q', '--amend', '--allow-empty', '-m', 'amended'],
  () => ['commit', '-q', '--allow-empty', '-m', 'empty'],
  () => ['merge', '-q', '--allow-unrelated-histories', '-m', 'merge', 'main'],
  () => ['cherry-pick', 'main'],
  () => ['fetch', '-q', 'origin'],
  () => ['remote', 'rename', 'origin', 'other'],
  () => ['remote', 'rename', 'other', 'origin'],
  () => ['rm', '-rq', '--cached', '.'],
  () => ['update-index', '--assume-unchanged', 'a.txt'],
  () => ['notes', 'add', '-f', '-m', 'note'],
  () => ['replace', '-f', 'HEAD', 'HEAD~1'],
  () => ['switch', '-q', '--orphan', 'void'],
  () => ['bisect', 'start', 'HEAD', 'HEAD~1'],
  () => ['bisect', 'reset'],
  () => ['maintenance', 'run', '-q'],
  () => ['commit-graph', 'write', '--reachable'],
  () => ['multi-pack-index', 'write'],
  () => ['read-tree', '--empty'],
];

test.each([
  ['commits', 7],
  ['does not commit', 11],
])('random git commands of an agent that %s', async (how, seed) => {
  lived();
  await made();
  const untouched = witness();
  const roll = dice(Number(process.env.RASEN_TEST_SEED ?? seed));
  const attempts = long ? 40 : 8;
  const history: string[] = [];
  let good = t.base;
  let accepted = 0;
  for (let n = 1; n <= attempts; n += 1) {
    await ensureWorktree(t.repo, { task: 't1', slug: 'x', base: t.base, base_path: '.worktrees' });
    await resetWorktree(t.repo, w, good, []);
    expect(inClone('status', '--porcelain').stdout, history.join('\n')).toBe('');
    expect(inClone('rev-parse', 'HEAD').stdout.trim()).toBe(good);
    for (let i = 0; i < 5; i += 1) {
      const args = COMMANDS[roll(COMMANDS.length)]!(roll);
      history.push(`${n}: git ${args.join(' ')}`);
      inClone(...args);
      write(w.path, { [`f${roll(5)}.txt`]: `${n} ${i}\n` });
      if (how === 'commits') {
        inClone('add', '-A');
        inClone('commit', '-qm', `work ${n}.${i}`);
      }
    }
    await ensureWorktree(t.repo, { task: 't1', slug: 'x', base: t.base, base_path: '.worktrees' });
    const sealed = await seal(n, good).catch(error => {
      throw new Error(`${history.join('\n')}\n${error.message}`, { cause: error });
    });
    expect(sh(t.repo.root, 'cat-file', '-t', sealed.commit)).toBe('commit');
    if (sealed.descends && sealed.changed) {
      accepted += 1;
      good = sealed.commit;
      await markGood(t.repo, { task: 't1', k: accepted, commit: good });
    }
  }
  expect(accepted, history.join('\n')).toBeGreaterThan(0);
  for (let k = 1; k <= accepted; k += 1) {
    expect(() =>
      sh(t.repo.root, 'rev-list', '--objects', '--quiet', `refs/rasen/t1/good/${k}`),
    ).not.toThrow();
    expect(() =>
      sh(t.repo.root, 'merge-base', '--is-ancestor', `refs/rasen/t1/good/${k}`, good),
    ).not.toThrow();
  }
  untouched();
});
