/** The lock of a repository: order in the process, exclusion between processes, take-over from the dead only. */
import { type ChildProcess, execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdirSync, readFileSync, utimesSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { promisify } from 'node:util';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { lockFile, withRepositoryLock } from '../../../src/git/lock.ts';
import { OWNER_VARIABLE, ownOwner } from '../../../src/git/owner.ts';
import { makeRepo, removeFolder, sh, type TestRepo, tempFolder } from '../../support/git-repo.ts';

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

const hold = async () => {
  const child = spawn(process.execPath, [script('git-lock-holder.ts'), folder], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  children.push(child);
  await once(child.stdout!, 'data');
  return child;
};
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
  expect(existsSync(lockFile(folder))).toBe(false);
});

test('whoever holds it may ask again', async () => {
  const repo = { common_dir: folder };
  expect(await withRepositoryLock(repo, () => withRepositoryLock(repo, async () => 7))).toBe(7);
});

test('a live holder is waited for, not robbed', async () => {
  await hold();
  const refused = withRepositoryLock({ common_dir: folder }, async () => 1, 200);
  await expect(refused).rejects.toMatchObject({
    kind: 'git',
    message: expect.stringContaining(`process ${children[0]!.pid}`),
  });
  expect(existsSync(lockFile(folder))).toBe(true);
});

test('the lock of a killed holder is taken over, once', async () => {
  await kill(await hold());
  expect(existsSync(lockFile(folder))).toBe(true);
  let inside = 0;
  const work = async () => {
    inside += 1;
    expect(inside).toBe(1);
    await new Promise(resolve => setImmediate(resolve));
    inside -= 1;
  };
  await Promise.all([1, 2, 3].map(() => withRepositoryLock({ common_dir: folder }, work)));
  expect(existsSync(lockFile(folder))).toBe(false);
});

test.runIf(process.platform === 'linux')('a killed holder whose git still runs is not dead', async () => {
  await kill(await hold());
  const { boot, pid, start } = JSON.parse(readFileSync(lockFile(folder), 'utf8'));
  const env = { ...process.env, [OWNER_VARIABLE]: `${boot}/${pid}/${start}` };
  const git = spawn('sleep', ['60'], { env, stdio: 'ignore' });
  children.push(git);
  await once(git, 'spawn');
  const take = (wait: number) => withRepositoryLock({ common_dir: folder }, async () => 1, wait);
  await expect(take(200)).rejects.toMatchObject({ kind: 'git' });
  await kill(git);
  expect(await take(10_000)).toBe(1);
});

test.each([
  [
    'of an earlier boot',
    async () => JSON.stringify({ ...(await ownOwner()), boot: 'x', nonce: 'n' }),
    0,
    true,
  ],
  [
    'of another machine',
    async () => JSON.stringify({ ...(await ownOwner()), boot: 'x', host: 'h', nonce: 'n' }),
    3600,
    false,
  ],
  ['of a reused pid', async () => JSON.stringify({ ...(await ownOwner()), start: '1', nonce: 'n' }), 0, true],
  [
    'of another container that beats',
    async () => JSON.stringify({ ...(await ownOwner()), pid_ns: 'x', nonce: 'n' }),
    0,
    false,
  ],
  [
    'of another container that is silent',
    async () => JSON.stringify({ ...(await ownOwner()), pid_ns: 'x', nonce: 'n' }),
    3600,
    true,
  ],
  ['torn and young', async () => '{"host', 0, false],
  ['torn and old', async () => '{"host', 3600, true],
])('a lock %s', async (_, content, age_seconds, taken) => {
  const path = lockFile(folder);
  mkdirSync(dirname(path), { recursive: true });
  writeFileSync(path, await content());
  const then = Date.now() / 1000 - age_seconds;
  utimesSync(path, then, then);
  const result = withRepositoryLock({ common_dir: folder }, async () => 'in', taken ? 10_000 : 150);
  if (taken) expect(await result).toBe('in');
  else await expect(result).rejects.toMatchObject({ kind: 'git' });
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
