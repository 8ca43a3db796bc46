/**
 * What a power cut leaves of git's unsynced files: empty ones, under their names. Made here by hand; test/boot cuts the
 * power for real. The repository is moved then: under another path it is as new to this process as to a new supervisor.
 */
import { execFileSync } from 'node:child_process';
import {
  chmodSync,
  existsSync,
  readdirSync,
  readFileSync,
  renameSync,
  statSync,
  truncateSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { type MergeRequest, merge } from '../../../src/git/merge.ts';
import { resetWorktree } from '../../../src/git/reset.ts';
import { sealAttempt } from '../../../src/git/seal.ts';
import { restoreWorktree } from '../../../src/git/trust.ts';
import { ensureWorktree, type Worktree } from '../../../src/git/worktree.ts';
import {
  commitAll,
  makeRepo,
  openTest,
  removeFolder,
  sh,
  type TestRepo,
  write,
} from '../../support/git-repo.ts';

let t: TestRepo;
let w: Worktree;
let isolation: 'linked' | 'clone' = 'linked';
const ensure = (known: Worktree | null = null) =>
  ensureWorktree(t.repo, { task: 't1', slug: 'x', base: t.base, base_path: '.worktrees', known });
const seal = (attempt: number) =>
  sealAttempt(t.repo, w, { good: t.base, marks: { task: 't1', subtask: 's', attempt }, title: 'try' });

beforeEach(async () => {
  t = await makeRepo();
  w = await ensure();
});
afterEach(() => removeFolder(t.folder));

async function startAgain(): Promise<void> {
  const root = join(t.folder, 'moved');
  renameSync(t.repo.root, root);
  t.repo = await openTest(root, 't1', isolation);
  w = await ensure(w);
}

/** Where an agent's git has put it. */
const objectFile = (id: string) =>
  join(
    isolation === 'clone' ? join(w.path, '.git') : t.repo.common_dir,
    'objects',
    id.slice(0, 2),
    id.slice(2),
  );
function tear(id: string, bytes = 0): void {
  expect(existsSync(objectFile(id)), 'a loose object').toBe(true);
  writeFileSync(`${objectFile(id)}.new`, readFileSync(objectFile(id)).subarray(0, bytes));
  renameSync(`${objectFile(id)}.new`, objectFile(id));
}

describe.each(['linked', 'clone'] as const)('in a worktree that is %s', way => {
  beforeEach(async () => {
    isolation = way;
    removeFolder(t.folder);
    t = await makeRepo(undefined, way);
    w = await ensure();
    return () => {
      isolation = 'linked';
    };
  });

  test.each([
    ['the commit', (commit: string) => [commit]],
    ['its tree', (commit: string) => [sh(w.path, 'rev-parse', `${commit}^{tree}`)]],
    ['its files', (commit: string) => [sh(w.path, 'rev-parse', `${commit}:work.txt`)]],
    [
      'all',
      (commit: string) => [
        commit,
        ...['^{tree}', ':work.txt', ':a.txt'].map(part => sh(w.path, 'rev-parse', commit + part)),
      ],
    ],
  ])(
    "an agent's commit of which %s was not on the disk: the same work can be done again",
    async (_what, ids) => {
      const work = { 'work.txt': 'work\n', 'a.txt': 'changed\n' };
      write(w.path, work);
      const commit = commitAll(w.path, 'work');
      for (const id of ids(commit)) tear(id);
      await startAgain();
      const lost = await seal(1);
      expect(lost).toMatchObject({ parent_good: t.base, descends: true, unmerged: [], left_out: [] });
      await resetWorktree(t.repo, w, t.base, []);
      write(w.path, work);
      const again = commitAll(w.path, 'work');
      const sealed = await seal(2);
      expect(sealed).toMatchObject({ commit: again, changed: true, commits: 1, leftovers: 0 });
      expect(sh(w.path, 'show', 'HEAD:work.txt', 'HEAD:a.txt')).toBe('work\nchanged');
      expect(sh(w.path, 'status', '--porcelain')).toBe('');
      // What the user's own git does with the whole repository later.
      sh(t.repo.root, 'fsck', '--strict');
      sh(t.repo.root, 'gc', '--quiet', '--prune=now');
    },
  );

  test("other work instead: nothing of the torn commit is left that could trouble the user's git", async () => {
    write(w.path, { 'work.txt': 'work\n' });
    const commit = commitAll(w.path, 'work');
    tear(sh(w.path, 'rev-parse', `${commit}^{tree}`));
    truncateSync(join(w.path, 'work.txt'), 0);
    await startAgain();
    await seal(1);
    await resetWorktree(t.repo, w, t.base, []);
    write(w.path, { 'work.txt': 'other\n' });
    commitAll(w.path, 'other');
    await seal(2);
    sh(t.repo.root, 'fsck', '--strict');
    sh(t.repo.root, 'gc', '--quiet', '--prune=now');
  });

  test('an object of which only the beginning was on the disk is put aside, too', async () => {
    write(w.path, { 'long.txt': Array.from({ length: 5000 }, (_, n) => `line ${n * n}\n`).join('') });
    const commit = commitAll(w.path, 'work');
    const blob = sh(w.path, 'rev-parse', `${commit}:long.txt`);
    tear(blob, Math.floor(statSync(objectFile(blob)).size / 2));
    await startAgain();
    await seal(1);
    sh(t.repo.root, 'fsck', '--strict');
    const aside = readdirSync(
      join(isolation === 'clone' ? join(w.path, '.git') : t.repo.common_dir, 'rasen/broken'),
    );
    expect(aside.some(name => name.startsWith(`object-${blob}-`))).toBe(true);
  });
});

const request = (more: Partial<MergeRequest> = {}): MergeRequest => ({
  task: 't1',
  commit: sh(w.path, 'rev-parse', 'HEAD'),
  into: null,
  squash: false,
  message: 'Merge the task',
  scratch: join(t.folder, 'scratch'),
  check: async () => {},
  ...more,
});

/** The files and the branch as they are when the power goes; the throw-away checkout stays. */
async function cutMerge(atTheMove: (commit: string) => void): Promise<void> {
  const cut = new Error('cut');
  const check = async (_checkout: string, commit: string) => {
    atTheMove(commit);
    throw cut;
  };
  const checkouts = join(t.repo.records, 'checkouts');
  const kept = join(t.folder, 'kept');
  const keep = async (checkout: string, commit: string) => {
    const [record] = readdirSync(checkouts);
    writeFileSync(kept, readFileSync(join(checkouts, record!)));
    await check(checkout, commit).finally(() => writeFileSync(`${kept}.name`, record!));
  };
  await expect(merge(t.repo, request({ check: keep }))).rejects.toThrow(cut);
  writeFileSync(join(checkouts, readFileSync(`${kept}.name`, 'utf8')), readFileSync(kept));
}

const root = () => t.repo.root;
const tree = () => sh(root(), 'show', 'HEAD:a.txt', 'HEAD:new.txt');

test("a merge that was cut after the branch had moved: empty and missing files are written, the user's stay", async () => {
  write(w.path, { 'a.txt': 'task\n', 'new.txt': 'new\n' });
  commitAll(w.path, 'task');
  await cutMerge(commit => {
    sh(root(), 'merge', '--quiet', '--ff-only', commit);
    truncateSync(join(root(), 'a.txt'), 0);
    writeFileSync(join(root(), 'new.txt'), 'n\0\0\0');
    writeFileSync(join(t.repo.common_dir, 'index.lock'), '');
  });
  write(root(), { 'src/b.txt': '', 'mine.txt': '' });
  await merge(t.repo, request());
  expect(tree()).toBe('task\nnew');
  expect(sh(root(), 'status', '--porcelain').split('\n')).toEqual(['M src/b.txt', '?? mine.txt']);
});

test.each([
  ['before the index was written', false],
  ['after the index was written', true],
])('a merge that was cut before the branch had moved, %s, is made again', async (_when, index) => {
  write(w.path, { 'a.txt': 'task\n', 'new.txt': 'new\n' });
  commitAll(w.path, 'task');
  await cutMerge(commit => {
    if (index) sh(root(), 'read-tree', commit);
    write(root(), { 'a.txt': 'task\n', 'new.txt': '' });
  });
  expect(sh(root(), 'rev-parse', 'main')).toBe(t.base);
  const merged = await merge(t.repo, request());
  expect(merged).toMatchObject({ before: t.base, fast_forward: true });
  expect(tree()).toBe('task\nnew');
  expect(sh(root(), 'status', '--porcelain')).toBe('');
});

test('a change of the user after a cut merge is not undone: it is in the way, as ever', async () => {
  write(w.path, { 'a.txt': 'task\n' });
  commitAll(w.path, 'task');
  await cutMerge(() => {});
  write(root(), { 'a.txt': 'of the user\n' });
  await expect(merge(t.repo, request())).rejects.toThrow(/in the way/);
  expect(readFileSync(join(root(), 'a.txt'), 'utf8')).toBe('of the user\n');
});

/** A file that git takes for unchanged: size and times are as they were, the content is not. */
function tearUnseen(path: string): void {
  const { size, atimeNs, mtimeNs } = statSync(path, { bigint: true });
  writeFileSync(path, Buffer.alloc(Number(size)));
  const [atime, mtime] = [atimeNs, mtimeNs].map(ns => (Number(ns) / 1e9).toFixed(9));
  execFileSync('touch', ['-a', '-d', `@${atime}`, path]);
  execFileSync('touch', ['-m', '-d', `@${mtime}`, path]);
}
/** As if the machine had been started since. */
const otherBoot = () => writeFileSync(join(t.repo.common_dir, 'worktrees/task-x/rasen-boot'), 'another\n');

test.each([
  ['a reset', () => resetWorktree(t.repo, w, t.base, [])],
  ['a gate', () => restoreWorktree(t.repo, w.path)],
])('a file with zeros for content is seen by %s after another start of the machine', async (_who, act) => {
  // Times in the past, as git leaves them to be trusted; a real power cut would leave the third time, too.
  sh(w.path, 'config', 'core.trustctime', 'false');
  await resetWorktree(t.repo, w, t.base, []);
  execFileSync('touch', ['-d', '2020-01-01', join(w.path, 'a.txt')]);
  sh(w.path, 'update-index', '--refresh');
  tearUnseen(join(w.path, 'a.txt'));
  expect(sh(w.path, 'status', '--porcelain'), 'git does not see it').toBe('');
  otherBoot();
  await act();
  expect(readFileSync(join(w.path, 'a.txt'), 'utf8')).toBe('one\n');
  expect(sh(w.path, 'status', '--porcelain')).toBe('');
});

test('without another start of the machine a gate changes nothing', async () => {
  write(w.path, { 'a.txt': 'by an agent\n' });
  await restoreWorktree(t.repo, w.path);
  expect(readFileSync(join(w.path, 'a.txt'), 'utf8')).toBe('by an agent\n');
});

test('objects of a seal are brought to the disk all at once, not by git one after the other', async () => {
  const bin = join(t.folder, 'bin');
  const trace = join(t.folder, 'trace');
  const real = execFileSync('sh', ['-c', 'command -v git'], { encoding: 'utf8' }).trim();
  write(bin, { git: `#!/bin/sh\nGIT_TRACE2_PERF='${trace}' exec '${real}' "$@"\n` });
  chmodSync(join(bin, 'git'), 0o755);
  const PATH = `${bin}:${t.repo.env.PATH}`;
  t.repo = { ...t.repo, env: { ...t.repo.env, PATH } };
  for (let n = 0; n < 100; n += 1) write(w.path, { [`d${n}/f.txt`]: `${n}\n` });
  await seal(1);
  const flushed = [...readFileSync(trace, 'utf8').matchAll(/fsync\/hardware-flush:(\d+)/g)];
  expect(flushed.length, 'git tells what it flushed').toBeGreaterThan(0);
  // 100 files, 100 folders: what remains is indexes, refs and the commit.
  expect(flushed.reduce((sum, [, count]) => sum + Number(count), 0)).toBeLessThan(20);
});
