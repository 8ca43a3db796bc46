/**
 * Lock files that a killed git left behind. Removed only when no live process can still hold them: on Linux /proc
 * shows it; elsewhere the caller must know that the process tree is empty, and the file must keep still for some seconds.
 * Locks of our worktrees and refs; of the user's checkout only those of a merge of ours that was cut off.
 */
import { readdir, readFile, readlink, rm, stat } from 'node:fs/promises';
import { dirname, join, sep } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { STALE_LOCK_MS } from './limits.ts';
import { linkedAt } from './linked.ts';
import { HAS_PROC, livePids } from './owner.ts';
import { listTasks, refPart } from './records.ts';

/** What the caller knows. `tree_empty`: the attempt's process tree was seen to be empty. */
export interface Known {
  tree_empty?: boolean;
}

/**
 * Removes ownerless locks of the worktree at `path` (index, HEAD, …) and of the refs of its task. Returns what was
 * removed. A lock that may have an owner stays, and the git command that needs it will say so.
 */
export async function clearStaleLocks(path: string, known: Known = {}): Promise<string[]> {
  const linked = await linkedAt(path);
  if (linked === null) return [];
  const record = (await listTasks(linked)).find(r => r.path === linked.path);
  const own = await locksUnder(linked.admin);
  const removed = await clearLocks(own, [linked.path, linked.admin], known);
  if (record) removed.push(...(await clearRefLocks(linked.common_dir, record, known)));
  return removed;
}

/** The same for the refs of a task alone. */
export async function clearRefLocks(
  common_dir: string,
  task: { task: string; branch: string },
  known: Known = {},
): Promise<string[]> {
  const places = [dirname(common_dir), common_dir];
  const own = [
    join(common_dir, `refs/heads/${task.branch}.lock`),
    ...(await locksUnder(join(common_dir, 'refs', 'rasen', refPart(task.task)))),
  ];
  // Taken by every deletion of a ref; left behind, it blocks all of them for good. It is the whole repository's, so
  // it must also be older than git ever needs it.
  const shared = join(common_dir, 'packed-refs.lock');
  const old = await stat(shared).then(
    s => Date.now() - s.mtimeMs > STALE_LOCK_MS,
    () => false,
  );
  return await clearLocks(old ? [...own, shared] : own, places, known);
}

async function locksUnder(folder: string): Promise<string[]> {
  const names = await readdir(folder, { recursive: true }).catch(() => []);
  return names.filter(name => name.endsWith('.lock')).map(name => join(folder, name));
}

/** Of the given lock files those that nobody holds. `places`: where a git at work may hold one. */
export async function clearLocks(locks: string[], places: string[], known: Known): Promise<string[]> {
  const removed: string[] = [];
  for (const lock of locks) {
    const before = await stat(lock).catch(() => null);
    if (before === null) continue;
    if (HAS_PROC) {
      if (await mayBeHeld(lock, places)) continue;
    } else {
      if (!known.tree_empty) continue;
      // At most once in full: the other locks have aged meanwhile.
      await pause(Math.max(0, before.mtimeMs + STALE_LOCK_MS - Date.now()));
    }
    // The same file as before the look at the processes: not one that a git has made since.
    const after = await stat(lock).catch(() => null);
    if (after === null || after.ino !== before.ino || after.mtimeMs !== before.mtimeMs) continue;
    await rm(lock, { force: true });
    removed.push(lock);
  }
  return removed;
}

/**
 * A process holds a lock when it has the file open, or when it is a git at work in one of the places: git closes the
 * file while it still owns it (a commit waiting for its editor).
 */
async function mayBeHeld(lock: string, places: string[]): Promise<boolean> {
  for (const pid of await livePids()) {
    if (pid === process.pid) continue;
    const cwd = await readlink(`/proc/${pid}/cwd`).catch(() => '');
    if (places.some(place => cwd === place || cwd.startsWith(place + sep))) {
      const name = await readFile(`/proc/${pid}/comm`, 'utf8').catch(() => '');
      if (name.startsWith('git')) return true;
    }
    for (const fd of await readdir(`/proc/${pid}/fd`).catch(() => [])) {
      if ((await readlink(`/proc/${pid}/fd/${fd}`).catch(() => '')) === lock) return true;
    }
  }
  return false;
}
