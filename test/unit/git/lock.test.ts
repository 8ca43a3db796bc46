/** The lock of a repository: order in the process, exclusion between processes, take-over from the dead only. */
import { type ChildProcess, execFile, execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, readdirSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { LOCK_VARIABLE, lockPlace, withRepositoryLock } from '../../../src/git/lock.ts';
import { git } from '../../../src/git/run.ts';
import { makeRepo, removeFolder, sh, type TestRepo, tempFolder } from '../../support/git-repo.ts';
import { holdRepository } from '../../support/hold-repository.ts';

const script = (name: string) => join(import.meta.dirname, '../../support', name);
let folder: string;
let children: ChildProcess[];
beforeEach(() => {
  folder = tempFolder();
  children = [];
});
afterEach(async () => {
  for (const child of children) {
    if (child.exitCode !== null || child.signalCode !== null) continue;
    child.kill('SIGKILL');
    await once(child, 'exit');
  }
  removeFolder(folder);
});

const hold = () => holdRepository(folder);
const kill = async (child: ChildProcess) => {
  child.kill('SIGKILL');
  await once(child, 'exit');
};

test('one at a time, in order, and after failures too', async () => {
  const seen: string[] = [];
  let inside = 0;
  const work = (name: string) => async () => {
    inside += 1;
    expect(inside).toBe(1);
    await new Promise(resolve => setImmediate(resolve));
    seen.push(name);
    inside -= 1;
    if (name === 'b') throw new Error('b failed');
  };
  const results = await Promise.allSettled(
    ['a', 'b', 'c'].map(name => withRepositoryLock({ common_dir: folder }, work(name))),
  );
  expect(results.map(r => r.status)).toEqual(['fulfilled', 'rejected', 'fulfilled']);
  expect(seen).toEqual(['a', 'b', 'c']);
  expect(readdirSync(lockPlace(folder)), 'nothing is left').toEqual([]);
});

test('whoever holds it may ask again', async () => {
  const repo = { common_dir: folder };
  expect(await withRepositoryLock(repo, () => withRepositoryLock(repo, async () => 7))).toBe(7);
});

const take = (wait_ms: number) => withRepositoryLock({ common_dir: folder }, async () => 'in', wait_ms);

test('who has used it lets go of it for another process, and has to ask for it again', async () => {
  expect(await take(10_000)).toBe('in');
  const holder = await hold();
  await expect(take(200)).rejects.toMatchObject({ kind: 'git' });
  await kill(holder);
  expect(await take(10_000)).toBe('in');
});

test('a lock whose folder is another one now is taken anew', async () => {
  expect(await take(10_000)).toBe('in');
  rmSync(lockPlace(folder), { recursive: true });
  mkdirSync(lockPlace(folder));
  const holder = await hold();
  await expect(take(200)).rejects.toMatchObject({ kind: 'git' });
  await kill(holder);
});

test('a live holder is waited for, not robbed', async () => {
  const holder = await hold();
  await expect(take(200)).rejects.toMatchObject({
    kind: 'git',
    message: expect.stringContaining(`another supervisor works in it and holds ${lockPlace(folder)}`),
    data: { trouble: { why: 'lock' } },
  });
  const waits = take(60_000);
  await kill(holder);
  expect(await waits).toBe('in');
});

test('the lock of a killed holder is taken over, once', async () => {
  await kill(await hold());
  let inside = 0;
  const work = async () => {
    inside += 1;
    expect(inside).toBe(1);
    await new Promise(resolve => setImmediate(resolve));
    inside -= 1;
  };
  await Promise.all([1, 2, 3].map(() => withRepositoryLock({ common_dir: folder }, work)));
});

test.runIf(process.platform === 'linux')('a killed holder whose git still runs is not dead', async () => {
  await kill(await hold());
  const env = { ...process.env, [LOCK_VARIABLE]: folder };
  const left = spawn('git', ['hash-object', '--stdin'], { env, stdio: ['pipe', 'ignore', 'ignore'] });
  children.push(left);
  await once(left, 'spawn');
  await expect(take(200)).rejects.toMatchObject({
    message: expect.stringContaining(`git (process ${left.pid})`),
  });
  await kill(left);
  expect(await take(10_000)).toBe('in');
});

test('git is told under which lock it runs, and another repository is free meanwhile', async () => {
  const bin = join(folder, 'bin');
  mkdirSync(bin);
  writeFileSync(join(bin, 'git'), `#!/bin/sh\nprintf %s "$${LOCK_VARIABLE}"\n`, { mode: 0o755 });
  const other = join(folder, 'other');
  mkdirSync(other);
  const options = { cwd: folder, env: { PATH: `${bin}:${process.env.PATH}` } };
  expect((await git(['x'], options)).stdout).toBe('');
  await withRepositoryLock({ common_dir: folder }, async () => {
    expect((await git(['x'], options)).stdout).toBe(folder);
    await withRepositoryLock({ common_dir: other }, async () => {
      expect((await git(['x'], options)).stdout).toBe(other);
    });
  });
});

test.each([
  ['a file', (path: string) => writeFileSync(path, 'work')],
  ['a link', (path: string) => symlinkSync('/', path)],
  ['a FIFO', (path: string) => execFileSync('mkfifo', [path])],
])('%s in the place of the lock is put beside it', async (_, make) => {
  make(lockPlace(folder));
  expect(await take(10_000)).toBe('in');
  const names = readdirSync(folder);
  expect(names).toEqual(['rasen', expect.stringMatching(/^rasen\.aside-/)]);
});

test('processes of their own make worktrees of one slug at once', async () => {
  const t: TestRepo = await makeRepo();
  try {
    const { root, common_dir } = t.repo;
    const made = await Promise.all(
      [1, 2, 3, 4].map(i =>
        promisify(execFile)(process.execPath, [script('git-adder.ts'), root, common_dir, `t${i}`, t.base]),
      ),
    );
    expect(made.map(m => m.stdout).sort()).toEqual([
      'rasen/same',
      'rasen/same-2',
      'rasen/same-3',
      'rasen/same-4',
    ]);
    expect(sh(root, 'worktree', 'list').split('\n')).toHaveLength(5);
  } finally {
    removeFolder(t.folder);
  }
});
