/** What a clone is made of: its settings, its refs, its objects; and repositories that are not as most are. */
import { execFileSync, spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, expect, test } from 'vitest';
import type { CapturedRepository } from '../../../src/contract/repository.ts';
import { captureRepository } from '../../../src/git/captured.ts';
import { cloneConfig, packedRefs, visibleRefs } from '../../../src/git/clone-files.ts';
import { linkObjects } from '../../../src/git/link-objects.ts';
import { sealAttempt } from '../../../src/git/seal.ts';
import { ensureWorktree, type Worktree } from '../../../src/git/worktree.ts';
import { commitAll, openTest, removeFolder, sh, tempFolder, write } from '../../support/git-repo.ts';

let folder: string;
afterEach(() => removeFolder(folder));

const captured = (config: CapturedRepository['config']): CapturedRepository => ({
  root: '/p',
  git_dir: '/p/.git',
  common_dir: '/p/.git',
  objects: '/p/.git/objects',
  refs: '/p/.git/refs',
  config,
  exclude: '',
  attributes: '',
  users_attributes: '',
  sparse: null,
  shallow: null,
  alternates: null,
});

test('settings of a clone: identity and filters as they were, remotes that can be fetched from, no credentials', () => {
  folder = tempFolder();
  const text = cloneConfig(
    captured([
      ['user.name', 'Ada "A" Lovelace'],
      ['filter.lfs.clean', 'git-lfs clean -- %f'],
      ['credential.helper', 'store'],
      ['remote.origin.url', '../origin.git'],
      ['remote.up.url', 'git@example.org:a/b.git'],
      ['remote.up.fetch', '+refs/heads/main:refs/remotes/up/main'],
      ['remote.up.pushurl', 'git@example.org:me/b.git'],
    ]),
    false,
  );
  const file = join(folder, 'config');
  writeFileSync(file, text);
  const all = (key: string) => sh(folder, 'config', '--file', file, '--get-all', key);
  expect(all('user.name')).toBe('Ada "A" Lovelace');
  expect(all('filter.lfs.clean')).toBe('git-lfs clean -- %f');
  expect(() => all('credential.helper')).toThrow();
  expect([all('remote.origin.url'), all('remote.up.url')]).toEqual([
    '/origin.git',
    'git@example.org:a/b.git',
  ]);
  expect([all('remote.origin.fetch'), all('remote.up.fetch')]).toEqual([
    '+refs/heads/*:refs/remotes/origin/*',
    '+refs/heads/main:refs/remotes/up/main',
  ]);
  expect(all('remote.up.pushurl')).toMatch(/does not let tasks push/);
  const push = (url: string) =>
    spawnSync('git', ['-C', folder, 'push', url, 'HEAD:main'], { encoding: 'utf8' });
  sh(folder, 'init', '-q');
  writeFileSync(join(folder, '.git/config'), text);
  for (const url of ['/elsewhere.git', 'git@example.org:me/b.git', 'https://example.org/b.git'])
    expect(push(url).stderr, url).toContain('rasen does not let tasks push (worktree.push in rasen.yml)');
  const open = cloneConfig(
    captured([
      ['remote.up.url', 'u'],
      ['remote.up.pushurl', 'ssh://me/b'],
    ]),
    true,
  );
  expect(open).toMatch(/pushurl = "ssh:\/\/me\/b"/);
  expect(open).not.toContain('pushInsteadOf');
});

test('a clone sees branches, tags and remotes of the user; not the stash, nor other tasks', () => {
  folder = tempFolder();
  const names = [
    'heads/main',
    'heads/rasen/other',
    'heads/rasen/x',
    'rasen/t1/base',
    'remotes/o/HEAD',
    'stash',
    'tags/v1',
  ];
  const refs = names.map(name => ({
    ref: `refs/${name}`,
    id: 'a'.repeat(40),
    symref: name.endsWith('HEAD') ? 'refs/remotes/o/main' : '',
  }));
  const seen = visibleRefs(refs, 'refs/heads/rasen/x');
  expect(seen.map(({ ref }) => ref.slice('refs/'.length))).toEqual([
    'heads/main',
    'heads/rasen/x',
    'remotes/o/HEAD',
    'tags/v1',
  ]);
  expect(packedRefs(seen).split('\n')).toHaveLength(5);
});

test('objects come without a byte being copied, and stay when the user’s are gone', async () => {
  folder = tempFolder();
  const [from, to] = [join(folder, 'a'), join(folder, 'b')];
  const pack = `pack-${'1'.repeat(40)}`;
  write(from, {
    [`ab/${'c'.repeat(38)}`]: 'loose',
    [`pack/${pack}.pack`]: 'pack',
    'pack/multi-pack-index': 'x',
    'pack/tmp_pack_1': 'x',
  });
  mkdirSync(to);
  await linkObjects(from, to);
  expect(readFileSync(join(to, `ab/${'c'.repeat(38)}`), 'utf8')).toBe('loose');
  expect(readFileSync(join(to, `pack/${pack}.pack`), 'utf8')).toBe('pack');
  expect(existsSync(join(to, 'pack/multi-pack-index')) || existsSync(join(to, 'pack/tmp_pack_1'))).toBe(
    false,
  );
  // Again is harmless: a start that was cut off is made again.
  await linkObjects(from, to);
});

/** Makes a repository in `root` and does a piece of work in a clone of it, committed by the agent and left. */
async function works(root: string): Promise<Worktree> {
  const repo = await openTest(root, 't1', 'clone');
  const base = sh(root, 'rev-parse', 'HEAD');
  const w = await ensureWorktree(repo, { task: 't1', slug: 'x', base, base_path: '.worktrees' });
  expect(sh(w.path, 'status', '--porcelain')).toBe('');
  expect(sh(w.path, 'log', '--format=%H', '-1')).toBe(base);
  write(w.path, { 'made.txt': 'made\n' });
  const commit = commitAll(w.path);
  write(w.path, { 'left.txt': 'left\n' });
  const marks = { task: 't1', subtask: 's', attempt: 1 };
  const sealed = await sealAttempt(repo, w, { good: base, marks, title: 'work' });
  expect(sealed).toMatchObject({
    commits: 2,
    leftovers: 1,
    descends: true,
    on_branch: true,
    special: [],
    elsewhere: [],
  });
  expect(sh(root, 'rev-parse', 'rasen/x^')).toBe(commit);
  expect(sh(root, 'show', 'rasen/x:left.txt')).toBe('left');
  expect(sh(w.path, 'status', '--porcelain')).toBe('');
  return w;
}

const KINDS: [string, (root: string) => string][] = [
  ['with sha256', root => made(root, '--object-format=sha256')],
  ['with its git directory elsewhere', root => made(root, '--separate-git-dir', `${root}-git`)],
  [
    'that is shallow',
    root => {
      const whole = made(`${root}-whole`);
      for (const n of [1, 2, 3]) {
        write(whole, { 'a.txt': `${n}\n` });
        commitAll(whole);
      }
      sh(folder, 'clone', '-q', '--depth=1', `file://${whole}`, root);
      return root;
    },
  ],
  [
    'that is a partial clone',
    root => {
      const whole = made(`${root}-whole`);
      sh(whole, 'config', 'uploadpack.allowFilter', 'true');
      sh(whole, 'config', 'uploadpack.allowAnySHA1InWant', 'true');
      sh(folder, 'clone', '-q', '--filter=blob:none', `file://${whole}`, root);
      return root;
    },
  ],
  [
    'that borrows objects',
    root => {
      sh(folder, 'clone', '-q', '--shared', made(`${root}-whole`), root);
      return root;
    },
  ],
  [
    'that is a worktree of a bare one',
    root => {
      sh(folder, 'clone', '-q', '--bare', made(`${root}-whole`), `${root}.git`);
      sh(`${root}.git`, 'worktree', 'add', '-q', root, 'main');
      return root;
    },
  ],
  [
    'that is a submodule of another',
    root => {
      const above = made(`${root}-above`);
      sh(above, '-c', 'protocol.file.allow=always', 'submodule', '-q', 'add', made(`${root}-whole`), 'lib');
      return join(above, 'lib');
    },
  ],
  [
    'that is sparse',
    root => {
      made(root);
      sh(root, 'sparse-checkout', 'set', 'src');
      return root;
    },
  ],
];

function made(root: string, ...options: string[]): string {
  mkdirSync(root);
  sh(root, 'init', '-q', '-b', 'main', ...options);
  write(root, { 'a.txt': 'one\n', 'src/b.txt': 'two\n', 'other/c.txt': 'three\n' });
  commitAll(root, 'first');
  return root;
}

test.each(KINDS)('a repository %s', async (what, make) => {
  folder = tempFolder();
  const root = make(join(folder, 'project'));
  const w = await works(root);
  if (what.includes('sparse')) expect(existsSync(join(w.path, 'other'))).toBe(false);
  expect(() => sh(root, 'fsck')).not.toThrow();
});

test('a repository of somebody else is refused before anything is made', async () => {
  folder = tempFolder();
  const root = made(join(folder, 'project'));
  if (process.getuid?.() !== 0) return expect(statSync(root).uid).toBe(process.getuid?.());
  execFileSync('chown', ['-R', '12345', root]);
  await expect(captureRepository(root, { HOME: folder, GIT_CONFIG_NOSYSTEM: '1' })).rejects.toMatchObject({
    kind: 'not_git',
  });
});
