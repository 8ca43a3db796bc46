/**
 * Lock files that a killed git left behind. Removed only when no live process can still hold them: on Linux /proc
 * shows it; elsewhere the caller must know that the process tree is empty, and the file must keep still for some seconds.
 * A git command of ours that meets one asks here (`mender`), whatever it was about; what is the user's, or everybody's,
 * must also be older than git ever needs it.
 */

import { lstat, readdir, readFile, readlink, realpath } from 'node:fs/promises';
import { basename, dirname, join, resolve, sep } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { livePids } from '../host/process-stat.ts';
import { removeTree } from '../host/remove-tree.ts';
import { unlessTrouble } from '../host/trouble.ts';
import { LOCK_POLL_MS, STALE_LOCK_MS } from './limits.ts';
import { refPart } from './records.ts';
import type { Repository } from './repository.ts';
import { isClone } from './workspace.ts';
import { workspaceAt } from './workspaces.ts';

/** What the caller knows. `tree_empty`: the attempt's process tree was seen to be empty. */
export interface Known {
  tree_empty?: boolean;
}

/**
 * Removes ownerless locks of the worktree at `path` (index, HEAD, …) and of the refs of its task. Returns what was
 * removed. A lock that may have an owner stays, and the git command that needs it will say so.
 */
export async function clearStaleLocks(
  repo: Repository,
  worktree: { task: string; path: string; branch: string },
  known: Known = {},
): Promise<string[]> {
  const found = await workspaceAt(repo, worktree.path);
  if (found === null) return [];
  // Locks of a clone are in nobody's way but its own: carry.ts sees to them.
  const own = isClone(found) ? [] : await locksUnder(found.admin);
  const removed = await clearLocks(own, [found.path, found.admin], known);
  removed.push(...(await clearRefLocks(repo, worktree, known)));
  return removed;
}

/** The same for the refs of a task alone. */
export async function clearRefLocks(
  repo: Pick<Repository, 'common_dir' | 'refs'>,
  task: { task: string; branch: string },
  known: Known = {},
): Promise<string[]> {
  const { common_dir, refs } = repo;
  const places = [dirname(common_dir), common_dir];
  const own = [
    join(refs, `heads/${task.branch}.lock`),
    ...(await locksUnder(join(refs, 'rasen', refPart(task.task)))),
  ];
  // Taken by every deletion of a ref; left behind, they block all of them for good.
  for (const name of ['packed-refs.lock', 'packed-refs.new'])
    if (await isOld(join(common_dir, name))) own.push(join(common_dir, name));
  return await clearLocks(own, places, known);
}

/**
 * What a git command does about a lock that it met: true when it is gone. It must be one of the repository, or of the
 * checkout that the command works in.
 */
export function mender(
  repo: Pick<Repository, 'common_dir' | 'refs' | 'own' | 'git_dir'>,
  checkout?: { root: string; git_dir: string },
): (lock: string) => Promise<boolean> {
  return async given => {
    const named = await behindLink(given);
    const folder = await realpath(dirname(named)).catch(() => null);
    if (folder === null) return false;
    const lock = join(folder, basename(named));
    const { common_dir, refs, own } = repo;
    const roots = [common_dir, refs, own, ...(checkout ? [checkout.git_dir] : [])];
    if (!roots.some(root => lock.startsWith(root + sep))) return false;
    const ours = [own, join(refs, 'rasen'), join(refs, 'heads', 'rasen')];
    const isOurs = ours.some(root => lock.startsWith(root + sep));
    const places = [dirname(common_dir), common_dir, own, ...(checkout ? [checkout.root] : [])];
    // Whoever has it may be done in a moment; a process of another namespace, which cannot be seen, too.
    const until = performance.now() + STALE_LOCK_MS;
    for (;;) {
      if (isOurs || (await isOld(lock))) await clearLocks([lock], places, { tree_empty: true });
      if ((await lstat(lock).catch(() => null)) === null) return true;
      if (performance.now() > until) return false;
      await pause(LOCK_POLL_MS);
    }
  };
}

/** git names the lock of a link after the link, and makes it beside what that leads to: our packed-refs are the user's. */
async function behindLink(lock: string): Promise<string> {
  const [, file, suffix] = /^(.*)(\.\w+)$/s.exec(lock) ?? [];
  if (file === undefined) return lock;
  const target = await readlink(file).catch(() => null);
  return target === null ? lock : `${resolve(dirname(file), target)}${suffix}`;
}

async function isOld(lock: string): Promise<boolean> {
  const found = await lstat(lock).catch(() => null);
  return found !== null && Date.now() - found.mtimeMs > STALE_LOCK_MS;
}

/** Of git's folder, or of a part of it; also those of submodules. */
export async function locksUnder(folder: string, isTop = true): Promise<string[]> {
  const found: string[] = [];
  for (const entry of await readdir(folder, { withFileTypes: true }).catch(() => [])) {
    const path = join(folder, entry.name);
    if (!entry.isDirectory()) {
      if (isLock(entry.name)) found.push(path);
    } else if (entry.name === 'objects') {
      // Objects themselves have no locks, and there are many of them.
      for (const part of ['info', 'pack']) found.push(...(await locksUnder(join(path, part), false)));
    } else if (!isTop || !OTHERS.has(entry.name)) found.push(...(await locksUnder(path, false)));
  }
  return found;
}

const isLock = (name: string) => name.endsWith('.lock') || name === 'packed-refs.new';

/** Not git's own, in git's folder; below refs these are names. */
const OTHERS: ReadonlySet<string> = new Set(['hooks', 'lfs', 'rasen']);

/** Of the given lock files those that nobody holds. `places`: where a git at work may hold one. */
export async function clearLocks(locks: string[], places: string[], known: Known): Promise<string[]> {
  const removed: string[] = [];
  for (const lock of locks) {
    const before = await lstat(lock).catch(() => null);
    if (before === null) continue;
    if (process.platform === 'linux') {
      if (await mayBeHeld(lock, places)) continue;
    } else {
      if (!known.tree_empty) continue;
      // At most once in full: the other locks have aged meanwhile.
      // Nor longer, whatever the clock was set to.
      const left = before.mtimeMs + STALE_LOCK_MS - Date.now();
      await pause(Math.min(STALE_LOCK_MS, Math.max(0, left)));
    }
    // The same file as before the look at the processes: not one that a git has made since.
    const after = await lstat(lock).catch(() => null);
    if (after === null || after.ino !== before.ino || after.mtimeMs !== before.mtimeMs) continue;
    await removeTree(lock);
    removed.push(lock);
  }
  return removed;
}

/**
 * A process holds a lock when it has the file open, or when it is a git at work in one of the places: git closes the
 * file while it still owns it (a commit waiting for its editor).
 */
async function mayBeHeld(lock: string, places: string[]): Promise<boolean> {
  for (const pid of livePids()) {
    if (pid === process.pid) continue;
    const cwd = await readlink(`/proc/${pid}/cwd`).catch(unlessTrouble(''));
    if (places.some(place => cwd === place || cwd.startsWith(place + sep))) {
      const name = await readFile(`/proc/${pid}/comm`, 'utf8').catch(unlessTrouble(''));
      if (name.startsWith('git')) return true;
    }
    for (const fd of await readdir(`/proc/${pid}/fd`).catch(unlessTrouble([]))) {
      if ((await readlink(`/proc/${pid}/fd/${fd}`).catch(unlessTrouble(''))) === lock) return true;
    }
  }
  return false;
}
