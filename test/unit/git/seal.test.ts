/** Sealing, marking and rolling back attempts, with all that an agent may leave behind. */
import { execFileSync } from 'node:child_process';
import { chmodSync, existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { countCommits, deleteTaskRefs, diffStat, diffText } from '../../../src/git/history.ts';
import { listTaskRefs, markGood } from '../../../src/git/refs.ts';
import { resetWorktree } from '../../../src/git/reset.ts';
import { type SealOptions, sealAttempt } from '../../../src/git/seal.ts';
import { indexFiles } from '../../../src/git/workspace.ts';
import { ensureWorktree, removeWorktree, type Worktree } from '../../../src/git/worktree.ts';
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

describe.each(['linked', 'clone'] as const)('in a workspace that is %s', kind => {
  let t: TestRepo;
  let w: Worktree;
  beforeEach(async () => {
    t = await makeRepo({ 'a.txt': 'one\n', 'src/b.txt': 'two\n', '.gitignore': 'deps/\n' }, kind);
    w = await ensureWorktree(t.repo, { task: 't1', slug: 'x', base: t.base, base_path: '.worktrees' });
  });
  afterEach(() => removeFolder(t.folder));

  /** git's folder of who works there. */
  const admin = () => (kind === 'clone' ? join(w.path, '.git') : join(t.repo.common_dir, 'worktrees/task-x'));
  const options = (attempt = 1): SealOptions => ({
    good: t.base,
    marks: { task: 't1', subtask: 'auth-4.b', attempt },
    title: 'Password reset\nflow',
  });
  /** The state in which every sealed worktree must be. */
  const expectSettled = (commit: string) => {
    expect(sh(w.path, 'symbolic-ref', 'HEAD')).toBe('refs/heads/rasen/x');
    expect(sh(w.path, 'rev-parse', 'HEAD')).toBe(commit);
    expect(sh(w.path, 'status', '--porcelain')).toBe('');
  };

  test('leftovers become one wip commit with trailers', async () => {
    write(w.path, { 'a.txt': 'changed\n', 'new.txt': 'new\n', 'deps/lib': 'ignored\n' });
    rmSync(join(w.path, 'src/b.txt'));
    const sealed = await sealAttempt(t.repo, w, options());
    expect(sealed).toMatchObject({
      parent_good: t.base,
      changed: true,
      commits: 1,
      leftovers: 3,
      on_branch: true,
      descends: true,
      unmerged: [],
      left_out: [],
    });
    expect(sh(w.path, 'log', '-1', '--format=%B')).toBe(
      'wip: Password reset flow\n\nRasen-Task: t1\nRasen-Subtask: auth-4.b\nRasen-Attempt: 1',
    );
    expect(sh(t.repo.root, 'rev-parse', 'refs/rasen/t1/attempt/auth-4.b/1')).toBe(sealed.commit);
    expectSettled(sealed.commit);
    expect(await sealAttempt(t.repo, w, options())).toEqual(sealed);
    expect(await countCommits(t.repo, t.base, sealed.commit)).toBe(1);
  });

  test('the agent’s own commits are taken as they are', async () => {
    write(w.path, { 'a.txt': 'changed\n' });
    const commit = commitAll(w.path, 'agent work');
    const sealed = await sealAttempt(t.repo, w, options());
    expect(sealed).toMatchObject({ commit, commits: 1, leftovers: 0, changed: true });
    expectSettled(commit);
  });

  test('no change is said to be none', async () => {
    const sealed = await sealAttempt(t.repo, w, options());
    expect(sealed).toMatchObject({ commit: t.base, changed: false, commits: 0, leftovers: 0 });
  });

  test('a repeated call after the ref was made does not move the branch again', async () => {
    write(w.path, { 'a.txt': 'changed\n' });
    const sealed = await sealAttempt(t.repo, w, options());
    await resetWorktree(t.repo, w, t.base, []);
    expect(await sealAttempt(t.repo, w, options())).toEqual(sealed);
    expect(sh(w.path, 'rev-parse', 'HEAD')).toBe(t.base);
  });

  test('killed between the ref and the branch: the second call finishes', async () => {
    sh(w.path, 'checkout', '-q', '--detach');
    write(w.path, { 'a.txt': 'changed\n' });
    const sealed = await sealAttempt(t.repo, w, options());
    const record = join(t.repo.records, 'tasks/t1/sealed/auth-4.b.1.json');
    writeFileSync(record, readFileSync(record, 'utf8').replace('"settled":true', '"settled":false'));
    sh(w.path, 'checkout', '-q', '--detach');
    sh(w.path, 'update-ref', 'refs/heads/rasen/x', t.base);
    expect(await sealAttempt(t.repo, w, options())).toEqual(sealed);
    expectSettled(sealed.commit);
  });

  test('killed before the ref: the second call seals once', async () => {
    write(w.path, { 'a.txt': 'changed\n' });
    const sealed = await sealAttempt(t.repo, w, options());
    sh(t.repo.root, 'update-ref', '-d', 'refs/rasen/t1/attempt/auth-4.b/1');
    const again = await sealAttempt(t.repo, w, options());
    expect(again.commit).toBe(sealed.commit);
    expect(again.commits).toBe(1);
  });

  test('the record is lost but the ref is there: the commit tells', async () => {
    write(w.path, { 'a.txt': 'changed\n' });
    const sealed = await sealAttempt(t.repo, w, options());
    rmSync(join(t.repo.records, 'tasks/t1/sealed'), { recursive: true });
    expect(await sealAttempt(t.repo, w, options())).toMatchObject({
      commit: sealed.commit,
      tree: sealed.tree,
    });
  });

  test('index.lock left behind', async () => {
    writeFileSync(join(admin(), 'index.lock'), '');
    write(w.path, { 'a.txt': 'changed\n' });
    const sealed = await sealAttempt(t.repo, w, options());
    expect(sealed.leftovers).toBe(1);
    if (process.platform === 'linux') expect(existsSync(join(admin(), 'index.lock'))).toBe(false);
  });

  test.each([
    ['empty', ''],
    ['torn', 'DIRC\0\0\0\x02\0\0'],
    ['garbage', 'x'.repeat(500)],
  ])('an index that is %s is rebuilt', async (_, content) => {
    write(w.path, { 'a.txt': 'changed\n' });
    writeFileSync(join(admin(), 'index'), content);
    const sealed = await sealAttempt(t.repo, w, options());
    expect(sealed.leftovers).toBe(1);
    expectSettled(sealed.commit);
  });

  test('an index of ours that a power cut has torn is made anew, also where somebody else has written theirs', async () => {
    write(w.path, { 'a.txt': 'changed\n' });
    const first = await sealAttempt(t.repo, w, options());
    const { kept } = indexFiles(t.repo, w.path);
    expect(existsSync(kept)).toBe(true);
    writeFileSync(kept, 'DIRC\0\0\0\x02\0\0');
    write(w.path, { 'more.txt': 'more\n' });
    sh(w.path, 'add', 'more.txt');
    const sealed = await sealAttempt(t.repo, w, { ...options(2), good: first.commit });
    expect(sealed).toMatchObject({ changed: true, leftovers: 1 });
    expectSettled(sealed.commit);
  });

  test('a path that looks like a line of git names no object', async () => {
    write(w.path, { ':x y z ../hooks/pre-commit': 'echo\n', 'a.txt': 'changed\n' });
    writeFileSync(join(t.repo.common_dir, 'hooks/pre-commit'), '#!/bin/sh\n');
    const sealed = await sealAttempt(t.repo, w, options());
    expect(sealed).toMatchObject({ changed: true, leftovers: 2 });
    if (kind === 'clone') expect(existsSync(join(w.path, '.git/hooks/pre-commit'))).toBe(false);
    expectSettled(sealed.commit);
  });

  test.runIf(kind === 'clone')('a file in the place of the folder of its branch', async () => {
    const refs = join(w.path, '.git/refs/heads/rasen');
    sh(w.path, 'pack-refs', '--all');
    rmSync(refs, { recursive: true, force: true });
    writeFileSync(refs, `${t.base}\n`);
    write(w.path, { 'a.txt': 'changed\n' });
    const sealed = await sealAttempt(t.repo, w, options());
    expect(sealed).toMatchObject({ changed: true, leftovers: 1 });
    expectSettled(sealed.commit);
  });

  test('a missing index does not look like deleted files', async () => {
    rmSync(join(admin(), 'index'));
    const sealed = await sealAttempt(t.repo, w, options());
    expect(sealed).toMatchObject({ changed: false, leftovers: 0 });
    expectSettled(t.base);
  });

  test('detached HEAD: the commits come to the branch', async () => {
    sh(w.path, 'checkout', '-q', '--detach');
    write(w.path, { 'c.txt': 'c\n' });
    const commit = commitAll(w.path);
    const sealed = await sealAttempt(t.repo, w, options());
    expect(sealed).toMatchObject({ commit, on_branch: false, descends: true });
    expectSettled(commit);
  });

  test('another branch: what is there counts, what was on ours is kept', async () => {
    write(w.path, { 'c.txt': 'c\n' });
    const ours = commitAll(w.path, 'on ours');
    sh(w.path, 'switch', '-q', '-c', 'idea', t.base);
    write(w.path, { 'd.txt': 'd\n' });
    const idea = commitAll(w.path, 'idea');
    write(w.path, { 'e.txt': 'e\n' });
    const sealed = await sealAttempt(t.repo, w, options());
    expect(sealed).toMatchObject({ on_branch: false, descends: true, commits: 2, leftovers: 1 });
    expectSettled(sealed.commit);
    expect(sh(w.path, 'rev-parse', 'idea')).toBe(idea);
    expect(sh(t.repo.root, 'rev-parse', `refs/rasen/t1/kept/${ours}`)).toBe(ours);
  });

  test('an orphan branch without a commit', async () => {
    sh(w.path, 'switch', '-q', '--orphan', 'void');
    write(w.path, { 'only.txt': 'only\n' });
    const sealed = await sealAttempt(t.repo, w, options());
    expect(sealed).toMatchObject({ on_branch: false, descends: true, changed: true });
    expectSettled(sealed.commit);
  });

  test('rewritten history does not descend', async () => {
    sh(w.path, 'commit', '-q', '--amend', '-m', 'rewritten');
    write(w.path, { 'c.txt': 'c\n' });
    const sealed = await sealAttempt(t.repo, w, options());
    expect(sealed.descends).toBe(false);
    expect(sealed.commits).toBe(2);
  });

  test('a merge with conflicts is named and ended', async () => {
    write(w.path, { 'a.txt': 'ours\n' });
    commitAll(w.path);
    sh(w.path, 'switch', '-q', '-c', 'other', t.base);
    write(w.path, { 'a.txt': 'theirs\n' });
    commitAll(w.path);
    sh(w.path, 'switch', '-q', 'rasen/x');
    expect(() => sh(w.path, 'merge', 'other')).toThrow();
    const sealed = await sealAttempt(t.repo, w, options());
    expect(sealed.unmerged).toEqual(['a.txt']);
    expect(existsSync(join(admin(), 'MERGE_HEAD'))).toBe(false);
    expectSettled(sealed.commit);
  });

  test('a resolved merge that was not committed stays a merge', async () => {
    sh(w.path, 'switch', '-q', '-c', 'other', t.base);
    write(w.path, { 'c.txt': 'c\n' });
    const other = commitAll(w.path);
    sh(w.path, 'switch', '-q', 'rasen/x');
    write(w.path, { 'd.txt': 'd\n' });
    const ours = commitAll(w.path);
    sh(w.path, 'merge', '-q', '--no-commit', 'other');
    await sealAttempt(t.repo, w, options());
    expect(sh(w.path, 'log', '-1', '--format=%P')).toBe(`${ours} ${other}`);
  });

  test('changes hidden by index flags are found', async () => {
    sh(w.path, 'update-index', '--assume-unchanged', 'a.txt');
    sh(w.path, 'update-index', '--skip-worktree', 'src/b.txt');
    write(w.path, { 'a.txt': 'hidden\n', 'src/b.txt': 'hidden too\n' });
    const sealed = await sealAttempt(t.repo, w, options());
    expect(sealed.leftovers).toBe(2);
    sh(w.path, 'update-index', '--skip-worktree', 'src/b.txt');
    write(w.path, { 'src/b.txt': 'once more\n' });
    await resetWorktree(t.repo, w, t.base, []);
    expect(readFileSync(join(w.path, 'src/b.txt'), 'utf8')).toBe('two\n');
  });

  test('repositories inside and unreadable files are left out and named', async () => {
    mkdirSync(join(w.path, 'inner'));
    sh(join(w.path, 'inner'), 'init', '-q');
    write(w.path, { 'inner/x': 'x', 'a.txt': 'changed\n', 'ünï "q".txt': 'odd name\n' });
    const sealed = await sealAttempt(t.repo, w, options());
    expect(sealed.left_out.map(({ path }) => path)).toEqual(['inner/']);
    expect(sealed.leftovers).toBe(2);
    await resetWorktree(t.repo, w, t.base, []);
    expect(existsSync(join(w.path, 'inner'))).toBe(false);
  });

  test('nothing of the user changes through ensure, seal, good and reset', async () => {
    write(t.repo.root, { 'a.txt': 'the user is working\n', 'notes.txt': 'untracked\n' });
    sh(t.repo.root, 'add', 'notes.txt');
    const before = fingerprint(t.repo.root);
    await ensureWorktree(t.repo, { task: 't1', slug: 'x', base: t.base, base_path: '.worktrees' });
    write(w.path, { 'a.txt': 'changed\n' });
    const first = await sealAttempt(t.repo, w, options(1));
    await markGood(t.repo, { task: 't1', k: 1, commit: first.commit });
    write(w.path, { 'a.txt': 'worse\n', junk: 'x' });
    await sealAttempt(t.repo, w, { ...options(2), good: first.commit });
    await resetWorktree(t.repo, w, first.commit, []);
    expect(fingerprint(t.repo.root)).toEqual(before);
    expectSettled(first.commit);
  });

  test('rollback restores files, removes untracked ones and keeps ignored ones', async () => {
    write(w.path, { 'a.txt': 'changed\n', 'dir/new.txt': 'x', 'deps/lib': 'installed' });
    mkdirSync(join(w.path, 'locked'));
    write(w.path, { 'locked/f': 'x' });
    chmodSync(join(w.path, 'locked'), 0o555);
    const { commit } = await sealAttempt(t.repo, w, options());
    write(w.path, { 'a.txt': 'worse\n', more: 'x' });
    writeFileSync(join(admin(), 'index'), 'garbage');
    await resetWorktree(t.repo, w, t.base, []);
    await resetWorktree(t.repo, w, t.base, []);
    expectSettled(t.base);
    expect(existsSync(join(w.path, 'more'))).toBe(false);
    expect(existsSync(join(w.path, 'locked'))).toBe(false);
    expect(readFileSync(join(w.path, 'deps/lib'), 'utf8')).toBe('installed');
    expect(sh(t.repo.root, 'cat-file', '-t', commit)).toBe('commit');
  });

  test('rollback keeps commits that no ref has', async () => {
    write(w.path, { 'a.txt': 'changed\n' });
    const commit = commitAll(w.path);
    await resetWorktree(t.repo, w, t.base, []);
    expect(sh(t.repo.root, 'rev-parse', `refs/rasen/t1/kept/${commit}`)).toBe(commit);
  });

  test('rollback refuses the user’s checkout, the user’s worktrees and a worktree without .git', async () => {
    write(t.repo.root, { 'a.txt': 'precious\n' });
    const before = fingerprint(t.repo.root);
    const branch = 'rasen/x';
    await expect(
      resetWorktree(t.repo, { path: t.repo.root, branch: 'main' }, t.base, []),
    ).rejects.toMatchObject({
      kind: 'git',
    });
    await expect(resetWorktree(t.repo, { path: t.repo.root, branch }, t.base, [])).rejects.toMatchObject({
      kind: 'git',
    });
    rmSync(join(w.path, '.git'), { recursive: true });
    await expect(resetWorktree(t.repo, w, t.base, [])).rejects.toMatchObject({ kind: 'git' });
    await expect(sealAttempt(t.repo, w, options())).rejects.toMatchObject({ kind: 'git' });
    expect(fingerprint(t.repo.root)).toEqual(before);
  });

  test('marks are made once; one that a crash left behind for the same number moves, and nothing is lost', async () => {
    write(w.path, { 'a.txt': 'changed\n' });
    const { commit } = await sealAttempt(t.repo, w, options());
    sh(t.repo.root, 'update-ref', '-d', 'refs/rasen/t1/attempt/auth-4.b/1');
    await markGood(t.repo, { task: 't1', k: 1, commit });
    await markGood(t.repo, { task: 't1', k: 1, commit });
    const base = { ref: 'refs/rasen/t1/base', commit: t.base };
    expect(await listTaskRefs(t.repo, 't1')).toEqual([base, { ref: 'refs/rasen/t1/good/1', commit }]);
    await markGood(t.repo, { task: 't1', k: 1, commit: t.base });
    expect(await listTaskRefs(t.repo, 't1')).toEqual([
      base,
      { ref: 'refs/rasen/t1/good/1', commit: t.base },
      { ref: `refs/rasen/t1/kept/${commit}`, commit },
    ]);
    await expect(deleteTaskRefs(t.repo, 't1')).rejects.toMatchObject({ kind: 'git' });
    await removeWorktree(t.repo, w.path);
    await deleteTaskRefs(t.repo, 't1');
    t.repo = await openTest(t.repo.root, 't1', kind);
    await deleteTaskRefs(t.repo, 't1');
    t.repo = await openTest(t.repo.root, 't1', kind);
    expect(await listTaskRefs(t.repo, 't1')).toEqual([]);
  });

  test('who commits: the user, or rasen where no one is configured', async () => {
    const home = process.env.HOME;
    const system = process.env.GIT_CONFIG_NOSYSTEM;
    process.env.HOME = t.folder;
    t.repo = await openTest(t.repo.root, 't1', kind);
    try {
      write(w.path, { 'a.txt': '1\n' });
      await sealAttempt(t.repo, w, options(1));
      expect(sh(w.path, 'log', '-1', '--format=%an <%ae>')).toBe('rasen <rasen@localhost>');
      sh(t.repo.root, 'config', 'user.name', 'Ada');
      sh(t.repo.root, 'config', 'user.email', 'ada@example.org');
      t.repo = await openTest(t.repo.root, 't1', kind);
      write(w.path, { 'a.txt': '2\n' });
      await sealAttempt(t.repo, w, options(2));
      expect(sh(w.path, 'log', '-1', '--format=%cn <%ae>')).toBe('Ada <ada@example.org>');
    } finally {
      process.env.HOME = home;
      if (system === undefined) delete process.env.GIT_CONFIG_NOSYSTEM;
    }
  });

  test('the caller’s GIT_ variables, hooks and signing have no effect', async () => {
    const hook = join(t.repo.common_dir, 'hooks/reference-transaction');
    mkdirSync(join(t.repo.common_dir, 'hooks'), { recursive: true });
    writeFileSync(hook, `#!/bin/sh\necho ran >> '${t.folder}/hook'\n`, { mode: 0o755 });
    sh(t.repo.root, 'config', 'commit.gpgSign', 'true');
    rmSync(join(t.folder, 'hook'), { force: true });
    process.env.GIT_DIR = '/nonexistent';
    process.env.GIT_INDEX_FILE = '/nonexistent/index';
    try {
      write(w.path, { 'a.txt': 'changed\n' });
      expect((await sealAttempt(t.repo, w, options())).leftovers).toBe(1);
    } finally {
      delete process.env.GIT_DIR;
      delete process.env.GIT_INDEX_FILE;
    }
    expect(existsSync(join(t.folder, 'hook'))).toBe(false);
  });

  test('diffs for people', async () => {
    write(w.path, { 'a.txt': 'changed\n', 'c.txt': 'c\n' });
    const { commit } = await sealAttempt(t.repo, w, options());
    expect(await diffStat(t.repo, t.base, commit)).toEqual({ files: 2, insertions: 2, deletions: 1 });
    expect((await diffText(t.repo, t.base, commit, 1e6)).text).toContain('+changed');
    expect(await diffText(t.repo, t.base, commit, 20)).toMatchObject({ cut: true });
  });

  test('sealed objects pass fsck', async () => {
    write(w.path, { 'a.txt': 'changed\n' });
    await sealAttempt(t.repo, w, options());
    expect(() =>
      execFileSync('git', ['fsck', '--strict'], { cwd: t.repo.root, stdio: 'pipe' }),
    ).not.toThrow();
  });
});
