/** The supervisor's own git directory: kinds of repositories it works with, and what it takes from the user. */
import { execFileSync } from 'node:child_process';
import { existsSync, mkdirSync, readdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { captureRepository, isTaken, parseConfig } from '../../../src/git/captured.ts';
import { merge } from '../../../src/git/merge.ts';
import { configText, openRepository } from '../../../src/git/own-dir.ts';
import { markGood } from '../../../src/git/refs.ts';
import type { Repository } from '../../../src/git/repository.ts';
import { git } from '../../../src/git/run.ts';
import { sealAttempt } from '../../../src/git/seal.ts';
import { ensureWorktree, removeWorktree } from '../../../src/git/worktree.ts';
import {
  commitAll,
  makeRepo,
  openTest,
  removeFolder,
  sh,
  type TestRepo,
  write,
} from '../../support/git-repo.ts';
import { until } from '../../support/instance.ts';

let t: TestRepo;
beforeEach(async () => {
  t = await makeRepo();
});
afterEach(() => removeFolder(t.folder));

const request = (base: string, task = 't1') => ({ task, slug: 'x', base, base_path: '.worktrees' });
const marks = (attempt = 1) => ({ task: 't1', subtask: 's', attempt });

test.each<[string, () => string]>([
  [
    'with sha256',
    () => {
      const root = join(t.folder, 'sha256');
      sh(t.folder, 'init', '-q', '-b', 'main', '--object-format=sha256', root);
      write(root, { 'a.txt': 'one\n' });
      commitAll(root);
      return root;
    },
  ],
  [
    'with a git dir elsewhere',
    () => {
      const root = join(t.folder, 'separate');
      sh(t.folder, 'clone', '-q', '--separate-git-dir', join(t.folder, 'separate.git'), t.repo.root, root);
      return root;
    },
  ],
  [
    'that is shallow',
    () => {
      write(t.repo.root, { 'a.txt': 'two\n' });
      commitAll(t.repo.root);
      const root = join(t.folder, 'shallow');
      sh(t.folder, 'clone', '-q', '--depth', '1', `file://${t.repo.root}`, root);
      return root;
    },
  ],
  [
    'with objects in another one',
    () => {
      const root = join(t.folder, 'shared');
      sh(t.folder, 'clone', '-q', '--shared', t.repo.root, root);
      return root;
    },
  ],
  [
    'with objects in another one, named by a relative path',
    () => {
      const root = join(t.folder, 'relative');
      sh(t.folder, 'clone', '-q', '--shared', t.repo.root, root);
      writeFileSync(join(root, '.git/objects/info/alternates'), '../../../project/.git/objects\n');
      return root;
    },
  ],
  [
    'that is a linked worktree of a bare one',
    () => {
      const bare = join(t.folder, 'bare.git');
      sh(t.folder, 'clone', '-q', '--bare', t.repo.root, bare);
      const root = join(t.folder, 'of-bare');
      sh(bare, 'worktree', 'add', '-q', root, 'main');
      return root;
    },
  ],
  [
    'that is a submodule',
    () => {
      const outer = join(t.folder, 'outer');
      sh(t.folder, 'init', '-q', '-b', 'main', outer);
      sh(outer, '-c', 'protocol.file.allow=always', 'submodule', '--quiet', 'add', t.repo.root, 'sub');
      sh(join(outer, 'sub'), 'switch', '-q', '-C', 'main');
      return join(outer, 'sub');
    },
  ],
])('a repository %s: work, seal, merge into the checkout', async (_what, make) => {
  const root = make();
  const repo = await openTest(root);
  const base = sh(root, 'rev-parse', 'HEAD');
  const w = await ensureWorktree(repo, request(base));
  expect(sh(w.path, 'status', '--porcelain')).toBe('');
  write(w.path, { 'a.txt': 'work\n', 'new.txt': 'new\n' });
  const sealed = await sealAttempt(repo, w, { good: base, marks: marks(), title: 'try' });
  expect(sealed).toMatchObject({ changed: true, descends: true, leftovers: 2 });
  await markGood(repo, { task: 't1', k: 1, commit: sealed.commit });
  const how = { task: 't1', commit: sealed.commit, into: null, squash: false, message: 'merge' };
  const scratch = join(root, '.worktrees/merge-x');
  const merged = await merge(repo, { ...how, scratch, check: async () => {} });
  expect(merged.into).toBe('main');
  expect(sh(root, 'rev-parse', 'HEAD')).toBe(merged.commit);
  expect(readFileSync(join(root, 'a.txt'), 'utf8')).toBe('work\n');
  expect(sh(root, 'status', '--porcelain')).toBe('');
  await removeWorktree(repo, w.path);
  sh(root, 'fsck', '--strict');
});

test('settings that decide what a commit holds are taken; programs for anything else are not', () => {
  const taken = ['user.name', 'core.autocrlf', 'filter.lfs.process', 'merge.union-of.driver', 'lfs.storage'];
  for (const key of taken) expect(isTaken(key, 'local'), key).toBe(true);
  const left = [
    ...['core.fsmonitor', 'core.hookspath', 'core.sshcommand', 'core.worktree', 'core.attributesfile'],
    ...[
      'diff.external',
      'diff.x.textconv',
      'gpg.program',
      'include.path',
      'alias.reset',
      'remote.o.uploadpack',
    ],
    ...['core.editor', 'core.pager', 'core.alternaterefscommand', 'core.gitproxy', 'submodule.x.update'],
    ...['credential.helper', 'http.proxy', 'extensions.worktreeconfig'],
  ];
  for (const key of left) expect(isTaken(key, 'local'), key).toBe(false);
  // The user's own for all repositories, which large files may be fetched with.
  expect(isTaken('credential.helper', 'global')).toBe(true);
});

test('a password in an address stays out of what is captured, which goes into the journal', async () => {
  sh(t.repo.root, 'config', 'remote.origin.url', 'https://ada:hush-hush@example.org/x.git');
  const captured = await captureRepository(t.repo.root, {});
  expect(captured.config).toContainEqual(['remote.origin.url', 'https://ada@example.org/x.git']);
  expect(JSON.stringify(captured)).not.toContain('hush-hush');
});

test('a value comes out of our configuration as the user wrote it', async () => {
  const values: [string, string | null][] = [
    ['filter.a "b" \\ c.clean', 'sh -c \'tr "a" b\' ; # not a comment'],
    ['user.name', '  Ada\tL.\nB\\ '],
    ['merge.union.driver', '%O %A %B'],
    ['core.symlinks', null],
  ];
  const file = join(t.folder, 'config');
  writeFileSync(file, configText({ config: values, sparse: null }, '/tmp/attributes'));
  const { stdout } = await git(['config', '--file', file, '--list', '--show-scope', '-z'], { cwd: t.folder });
  const read = parseConfig(stdout).map(({ key, value }) => [key, value]);
  for (const value of values) expect(read).toContainEqual(value);
});

test('what is put into our git directory between two uses is gone at the next', async () => {
  const { own } = t.repo;
  writeFileSync(join(own, 'config'), '[core]\n\tfsmonitor = evil\n');
  mkdirSync(join(own, 'hooks'));
  writeFileSync(join(own, 'hooks/post-checkout'), '#!/bin/sh\n');
  writeFileSync(join(own, 'info/grafts'), 'x\n');
  rmSync(join(own, 'refs'));
  mkdirSync(join(own, 'refs'));
  await openTest(t.repo.root);
  expect(readFileSync(join(own, 'config'), 'utf8')).not.toContain('evil');
  expect(readdirSync(own)).not.toContain('hooks');
  expect(existsSync(join(own, 'info/grafts'))).toBe(false);
  expect(existsSync(join(own, 'refs/heads/main'))).toBe(true);
});

test('another repository in the place of the one that was captured is refused', async () => {
  const captured = await captureRepository(t.repo.root, {});
  const open = () => openRepository({ task: 't1', captured, state: join(t.folder, 'state/git'), env: {} });
  const { common_dir } = captured;
  writeFileSync(join(common_dir, 'objects/info/alternates'), join(t.folder, 'elsewhere\n'));
  await expect(open()).rejects.toMatchObject({ kind: 'git' });
  rmSync(join(common_dir, 'objects/info/alternates'));
  await open();
  renameSync(join(common_dir, 'refs'), join(common_dir, 'refs.away'));
  await expect(open()).rejects.toMatchObject({ kind: 'not_git' });
  writeFileSync(join(common_dir, 'refs'), '');
  await expect(open()).rejects.toMatchObject({ kind: 'git' });
});

test('locks that nobody holds are mended by whatever meets them', async () => {
  const w = await ensureWorktree(t.repo, request(t.base));
  const { refs } = t.repo;
  mkdirSync(join(refs, 'rasen/t1/good'), { recursive: true });
  writeFileSync(join(refs, 'rasen/t1/good/1.lock'), '');
  await markGood(t.repo, { task: 't1', k: 1, commit: t.base });
  expect(sh(t.repo.root, 'rev-parse', 'refs/rasen/t1/good/1')).toBe(t.base);
  mkdirSync(join(refs, 'rasen/t1/attempt/s'), { recursive: true });
  mkdirSync(join(refs, 'rasen/t1/attempt/s/1.lock'));
  writeFileSync(join(refs, 'heads/rasen/x.lock'), '');
  write(w.path, { 'a.txt': 'work\n' });
  const sealed = await sealAttempt(t.repo, w, { good: t.base, marks: marks(), title: 'try' });
  expect(sh(t.repo.root, 'rev-parse', 'refs/heads/rasen/x')).toBe(sealed.commit);
});

test('a lock of the user’s checkout is waited for, and mended when it is old and nobody’s', async () => {
  const w = await ensureWorktree(t.repo, request(t.base));
  write(w.path, { 'a.txt': 'work\n' });
  const { commit } = await sealAttempt(t.repo, w, { good: t.base, marks: marks(), title: 'try' });
  const lock = join(t.repo.common_dir, 'index.lock');
  writeFileSync(lock, '');
  execFileSync('touch', ['-d', '1 minute ago', lock]);
  const how = { task: 't1', commit, into: null, squash: false, message: 'merge' };
  const scratch = join(t.repo.root, '.worktrees/merge-x');
  await merge(t.repo, { ...how, scratch, check: async () => {} });
  expect(sh(t.repo.root, 'status', '--porcelain')).toBe('');
});

test('a git that is ended leaves nothing running, also not what its program has started', async () => {
  const pid = join(t.folder, 'pid');
  const slow = `!sh -c 'sleep 300 & echo $! >${pid}; wait'`;
  const call = git(['-c', `alias.slow=${slow}`, 'slow'], { cwd: t.repo.root, timeout_ms: 1500 });
  await expect(call).rejects.toMatchObject({ message: expect.stringContaining('longer than 1.5 s') });
  const child = Number(readFileSync(pid, 'utf8'));
  const isThere = () =>
    existsSync(`/proc/${child}/stat`) && !/\) [ZX] /.test(readFileSync(`/proc/${child}/stat`, 'utf8'));
  await until('the child is gone', () => !isThere());
});

test('the environment of git is what was asked for, and no folder of the worktree is in its PATH', async () => {
  const before = { ...process.env };
  Object.assign(process.env, {
    LD_X: 'x',
    GIT_DIR: '/nowhere',
    PERL5OPT: '-Mx',
    PATH: `.:bin::${before.PATH}`,
  });
  try {
    const args = ['-c', 'alias.env=!env', 'env'];
    const { stdout } = await git(args, { cwd: t.repo.root, env: { MORE: '1' } });
    const names = stdout.split('\n').map(line => line.split('=')[0]);
    expect(names).toContain('MORE');
    for (const name of ['LD_X', 'GIT_DIR', 'PERL5OPT', 'NODE_OPTIONS']) expect(names).not.toContain(name);
    const path = /^PATH=(.*)$/m.exec(stdout)![1]!.split(':');
    expect(path.every(entry => entry.startsWith('/'))).toBe(true);
  } finally {
    for (const name of ['LD_X', 'GIT_DIR', 'PERL5OPT']) delete process.env[name];
    process.env.PATH = before.PATH;
  }
});

test('a task of an earlier release goes on with the worktree that its record in the repository names', async () => {
  const w = await ensureWorktree(t.repo, request(t.base));
  write(w.path, { 'a.txt': 'in work\n' });
  const asOld = async (record: object): Promise<Repository> => {
    const folder = join(t.repo.common_dir, 'rasen/tasks/t1');
    mkdirSync(folder, { recursive: true });
    writeFileSync(join(folder, 'worktree.json'), JSON.stringify(record));
    rmSync(join(t.repo.records, 'tasks'), { recursive: true });
    const captured = await captureRepository(t.repo.root, process.env);
    const state = join(t.folder, 'state/git');
    return await openRepository({ task: 't1', captured, state, env: {}, is_old: true });
  };
  const record = { version: 1, task: 't1', name: 'x', branch: w.branch, path: w.path, state: 'made' };
  const old = await asOld(record);
  expect(await ensureWorktree(old, { ...request(t.base), known: w })).toEqual(w);
  expect(readFileSync(join(w.path, 'a.txt'), 'utf8')).toBe('in work\n');
  // What a record claims is taken for a name alone, and only for one of the task's.
  const forged = await asOld({ ...record, name: '../../../home', path: t.folder, state: 'planned' });
  const again = await ensureWorktree(forged, { ...request(t.base), known: w });
  expect(again.path).toBe(w.path);
  expect(readFileSync(join(w.path, 'a.txt'), 'utf8')).toBe('in work\n');
  const unknown = await asOld({ ...record, name: '../../../home', path: t.folder, state: 'planned' });
  expect((await ensureWorktree(unknown, request(t.base))).branch).toBe('rasen/x-2');
});
