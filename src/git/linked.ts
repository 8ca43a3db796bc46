/**
 * Linked worktrees as they are on disk: the `.git` file in the folder and git's registration of it, and whether the
 * two fit. Read without git, because git refuses to answer where one of them is damaged, and because git in a folder
 * that lost its `.git` would find, and change, the user's checkout around it.
 */
import { lstat, readdir, readFile, realpath, writeFile } from 'node:fs/promises';
import { basename, dirname, join, resolve } from 'node:path';
import { RasenError } from '../errors.ts';
import { removeTree } from './durable.ts';
import { git } from './run.ts';

export interface Linked {
  path: string;
  /** git's folder for this worktree: HEAD, index, state of a merge or rebase. */
  admin: string;
  common_dir: string;
}

/** How git is run in a linked worktree: with both folders named, so that nothing is searched for. */
export function at(linked: Linked): { cwd: string; env: Record<string, string> } {
  return { cwd: linked.path, env: { GIT_DIR: linked.admin, GIT_WORK_TREE: linked.path } };
}

/** The linked worktree at `path`, or null when its two halves do not fit together. */
export async function linkedAt(path: string): Promise<Linked | null> {
  const real = await realpath(path).catch(() => null);
  if (real === null) return null;
  const file = await pointer(join(real, '.git'), /^gitdir: (.+)$/);
  if (file === null) return null;
  const admin = await realpath(resolve(real, file)).catch(() => null);
  if (admin === null || basename(dirname(admin)) !== 'worktrees') return null;
  const back = await pointer(join(admin, 'gitdir'), /^(.+)$/);
  const common = await pointer(join(admin, 'commondir'), /^(.+)$/);
  if (back === null || common === null) return null;
  if ((await realpath(dirname(resolve(admin, back))).catch(() => null)) !== real) return null;
  const common_dir = await realpath(resolve(admin, common)).catch(() => null);
  if (common_dir === null || dirname(dirname(admin)) !== common_dir) return null;
  return { path: real, admin, common_dir };
}

/** As linkedAt, but throws `git` when there is no sound linked worktree. */
export async function requireLinked(path: string): Promise<Linked> {
  const linked = await linkedAt(path);
  if (linked !== null) return linked;
  throw new RasenError('git', `${path} is not a sound linked worktree`, {
    hint: 'It is repaired when the task goes on; look into the folder if that does not help.',
    data: { path },
  });
}

/** Registrations that name this folder, also where the folder is gone. */
export async function registrations(common_dir: string, path: string): Promise<string[]> {
  const folder = join(common_dir, 'worktrees');
  const found: string[] = [];
  for (const name of await readdir(folder).catch(() => [])) {
    const admin = join(folder, name);
    const back = await pointer(join(admin, 'gitdir'), /^(.+)$/);
    if (back === null) continue;
    const there = dirname(resolve(admin, back));
    const real = join(await realpath(dirname(there)).catch(() => dirname(there)), basename(there));
    if (real === path) found.push(admin);
  }
  return found;
}

/**
 * Joins folder and registration again after repository and worktree were moved together: both still name the old
 * places, which are gone. Anything else is left as it is.
 */
export async function rejoin(common_dir: string, path: string): Promise<void> {
  const link = join(path, '.git');
  const old = await pointer(link, /^gitdir: (.+)$/);
  if (old === null) return;
  const admin = join(common_dir, 'worktrees', basename(old));
  const back = await pointer(join(admin, 'gitdir'), /^(.+)$/);
  if (back === null || (await lstat(resolve(admin, back)).catch(() => null)) !== null) return;
  if ((await lstat(resolve(path, old)).catch(() => null)) !== null) return;
  await writeFile(join(admin, 'gitdir'), `${link}\n`);
  await writeFile(link, `gitdir: ${admin}\n`);
}

/** Removes a worktree with its registration, sound, locked, half made or half gone. The caller has judged that it may. */
export async function discard(common_dir: string, path: string): Promise<void> {
  // The registration goes last: while it is there, a call after a crash finds the rest.
  const admins = await registrations(common_dir, path);
  await removeTree(path);
  for (const admin of admins) await removeTree(admin);
}

export interface ListedWorktree {
  path: string;
  /** Full name of the ref; null when detached. */
  ref: string | null;
}

/** All worktrees with a checkout, the main one included. */
export async function listWorktrees(cwd: string): Promise<ListedWorktree[]> {
  const { stdout } = await git(['worktree', 'list', '--porcelain'], { cwd, reads: true });
  const found: ListedWorktree[] = [];
  for (const block of stdout.split('\n\n')) {
    const lines = block.split('\n');
    const path = lines.find(line => line.startsWith('worktree '))?.slice('worktree '.length);
    if (path === undefined || lines.includes('bare')) continue;
    const ref = lines.find(line => line.startsWith('branch '))?.slice('branch '.length) ?? null;
    found.push({ path, ref });
  }
  return found;
}

/** First line of a small file of git, by pattern; null when the file is missing or says something else. */
async function pointer(path: string, pattern: RegExp): Promise<string | null> {
  const found = await lstat(path).catch(() => null);
  if (!found?.isFile() || found.size > 64 * 1024) return null;
  const text = await readFile(path, 'utf8').catch(() => '');
  return pattern.exec(text.replace(/\r?\n$/, ''))?.[1] ?? null;
}
