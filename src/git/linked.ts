/**
 * Linked worktrees as they are on disk: the `.git` file in the folder and git's registration of it, and whether the
 * two fit. Read without git, because git refuses to answer where one of them is damaged, and because git in a folder
 * that lost its `.git` would find, and change, the user's checkout around it. Both halves can be written by agents: a
 * worktree belongs to the repository only if its registration lies there, wherever its `.git` points.
 */

import { lstatSync, readdirSync } from 'node:fs';
import { lstat, mkdir, realpath, rename } from 'node:fs/promises';
import { basename, dirname, join, resolve } from 'node:path';
import { errnoOf } from '../contract/errors.ts';
import { readForeign, untroubled } from '../host/foreign-file.ts';
import { removeTree } from '../host/remove-tree.ts';
import { throwTrouble, unlessTrouble } from '../host/trouble.ts';
import { MAX_SMALL_BYTES } from './limits.ts';
import { forgetOwnIndex } from './own-index.ts';
import type { Repository } from './repository.ts';
import { isFolder, ownFolder } from './sound.ts';
import { pointer, type Workspace, write } from './workspace.ts';

/** The linked worktree at `path`, or null when its two halves do not fit together. */
export async function linkedAt(repo: Repository, path: string): Promise<Workspace | null> {
  const found = await lstat(path).catch(unlessTrouble(null));
  if (!found?.isDirectory()) return null;
  const real = await realpath(path);
  const file = pointer(real, '.git', /^gitdir: (.+)$/);
  if (file === null) return null;
  const admin = resolve(real, file);
  const { common_dir } = repo;
  const home = await realpath(dirname(admin)).catch(unlessTrouble(null));
  if (home === null || home !== join(common_dir, 'worktrees') || !isFolder(admin)) return null;
  const folder = join(home, basename(admin));
  const linked = { repo, path: real, admin: folder, theirs: folder, common_dir };
  return (await isRegistered(linked)) ? linked : null;
}

async function isRegistered({
  path,
  admin,
  common_dir,
}: Pick<Workspace, 'path' | 'admin' | 'common_dir'>): Promise<boolean> {
  const back = pointer(admin, 'gitdir', /^(.+)$/);
  const common = pointer(admin, 'commondir', /^(.+)$/);
  if (back === null || common === null) return false;
  if ((await realpath(dirname(resolve(admin, back))).catch(unlessTrouble(null))) !== path) return false;
  return (await realpath(resolve(admin, common)).catch(unlessTrouble(null))) === common_dir;
}

/**
 * Registrations of ours that name this folder, also where the folder is gone. git calls them like the folder, with a
 * number where that was taken; one of another name is another's, whatever is written in it.
 */
export async function registrations(repo: Pick<Repository, 'common_dir'>, path: string): Promise<string[]> {
  const folder = join(repo.common_dir, 'worktrees');
  const found: string[] = [];
  for (const name of namesIn(folder)) {
    const number = name.startsWith(basename(path)) ? name.slice(basename(path).length) : null;
    if (number === null || !/^\d*$/.test(number)) continue;
    const admin = join(folder, name);
    const back = isFolder(admin) ? pointer(admin, 'gitdir', /^(.+)$/) : null;
    if (back === null) continue;
    const there = dirname(resolve(admin, back));
    const real = join(await realpath(dirname(there)).catch(unlessTrouble(dirname(there))), basename(there));
    if (real === path) found.push(admin);
  }
  return found;
}

/**
 * Makes a registration for `path`, with HEAD as given and no index; nothing is checked out.
 */
export async function register(repo: Repository, path: string, head: string): Promise<Workspace> {
  const folder = join(repo.common_dir, 'worktrees');
  await ownFolder(folder);
  await mkdir(path, { recursive: true });
  const real = await realpath(path);
  const admin = await newFolder(folder, basename(real));
  await write(admin, 'commondir', '../..\n');
  await write(admin, 'HEAD', `${head}\n`);
  await copySparse(repo, admin);
  await write(real, '.git', `gitdir: ${admin}\n`);
  // Last, since by it a registration is found: one that a crash left without it is nobody's.
  await write(admin, 'gitdir', `${join(real, '.git')}\n`);
  return { repo, path: real, admin, theirs: admin, common_dir: repo.common_dir };
}

async function newFolder(folder: string, name: string): Promise<string> {
  for (let n = 0; ; n += 1) {
    const admin = join(folder, n === 0 ? name : `${name}${n}`);
    try {
      await mkdir(admin);
      return admin;
    } catch (error) {
      if (errnoOf(error) !== 'EEXIST') throw error;
      // Without this file it is what a crash left of the making of one.
      if (isFolder(admin) && (await lstat(join(admin, 'gitdir')).catch(unlessTrouble(null))) === null)
        return admin;
    }
  }
}

/** As `git worktree add` does: a new worktree is as sparse as the one that it is made from. */
export async function copySparse(repo: Repository, admin: string): Promise<void> {
  const place = { root: repo.own, path: 'info/sparse-checkout' };
  const own = untroubled(place, readForeign(place, MAX_SMALL_BYTES * 16));
  if (!own.ok) return;
  await mkdir(join(admin, 'info'), { recursive: true });
  await write(admin, 'info/sparse-checkout', own.value.bytes.toString('utf8'));
}

/**
 * Joins the folder at `path` and its registration again, where one of them is lost or does not name the other: after
 * both were moved, or when somebody wrote into them. A `.git` that is a folder is moved beside the worktree. False when
 * there is no registration.
 */
export async function rejoin(repo: Repository, path: string): Promise<boolean> {
  if (!isFolder(path)) return false;
  const admin = await registrationFor(repo, path);
  if (admin === null) return false;
  const link = lstatSync(join(path, '.git'), { throwIfNoEntry: false });
  if (link?.isDirectory()) await rename(join(path, '.git'), `${path}.git-aside-${Date.now()}`);
  await write(admin, 'gitdir', `${join(path, '.git')}\n`);
  await write(admin, 'commondir', '../..\n');
  await write(path, '.git', `gitdir: ${admin}\n`);
  return true;
}

async function registrationFor(repo: Repository, path: string): Promise<string | null> {
  const [known, ...more] = await registrations(repo, path);
  if (known !== undefined) return more.length === 0 ? known : null;
  // Both were moved together, or the registration was written over: its name and the `.git` file tell.
  const file = pointer(path, '.git', /^gitdir: (.+)$/);
  const name = basename(file ?? path);
  if (!name.startsWith(basename(path)) || !/^\d*$/.test(name.slice(basename(path).length))) return null;
  const admin = join(repo.common_dir, 'worktrees', name);
  if (!isFolder(admin)) return null;
  const back = pointer(admin, 'gitdir', /^(.+)$/);
  // Another worktree's, which is still there.
  const isAnothers =
    back !== null && basename(dirname(back)) === basename(path) && isThere(resolve(admin, back));
  return isAnothers ? null : admin;
}

/** Removes a worktree with its registration, sound, locked, half made or half gone. The caller has judged that it may. */
export async function discardLinked(repo: Repository, path: string): Promise<void> {
  // The registration goes last: while it is there, a call after a crash finds the rest.
  const admins = await registrations(repo, path);
  await forgetOwnIndex(repo, path);
  await removeTree(path, { keep: [repo.root, repo.common_dir, repo.records] });
  for (const admin of admins) await removeTree(admin);
}

export interface ListedWorktree {
  path: string;
  git_dir: string;
  /** Full name of the ref; null when detached. */
  ref: string | null;
}

/** All checkouts that the repository says it has, the main one included. What is said of others is not verified. */
export function listWorktrees(repo: Repository): ListedWorktree[] {
  const { common_dir } = repo;
  const found: ListedWorktree[] = [];
  const add = (path: string, git_dir: string) => {
    const head = pointer(git_dir, 'HEAD', /^(.+)$/);
    if (head !== null) found.push({ path, git_dir, ref: /^ref: (refs\/.+)$/.exec(head)?.[1] ?? null });
  };
  if (repo.git_dir === common_dir) add(repo.root, common_dir);
  // A bare repository has no index.
  else if (basename(common_dir) === '.git' && isThere(join(common_dir, 'index')))
    add(dirname(common_dir), common_dir);
  const folder = join(common_dir, 'worktrees');
  for (const name of namesIn(folder)) {
    const admin = join(folder, name);
    const back = isFolder(admin) ? pointer(admin, 'gitdir', /^(.+)$/) : null;
    if (back !== null) add(dirname(resolve(admin, back)), admin);
  }
  return found;
}

/** Whether `.git` in a listed worktree names the registration in turn: nobody else's folder is taken for a checkout. */
export async function isAgreed(repo: Repository, { path, git_dir }: ListedWorktree): Promise<boolean> {
  if (git_dir === repo.git_dir || git_dir === repo.common_dir) return true;
  const file = pointer(path, '.git', /^gitdir: (.+)$/);
  return file !== null && (await realpath(resolve(path, file)).catch(unlessTrouble(null))) === git_dir;
}

function namesIn(folder: string): string[] {
  try {
    return isFolder(folder) ? readdirSync(folder) : [];
  } catch (error) {
    throwTrouble(error);
    return [];
  }
}

const isThere = (path: string) => lstatSync(path, { throwIfNoEntry: false }) !== undefined;
