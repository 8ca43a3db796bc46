/**
 * The worktree and branch of a task. ensureWorktree may be killed anywhere and called again: what it decides is
 * written to a record first, and what it finds half made is made anew. The user's checkout and branches are not touched.
 */

import { lstat, readdir, realpath } from 'node:fs/promises';
import { basename, dirname, join, relative, resolve, sep } from 'node:path';
import { unlessTrouble } from '../host/trouble.ts';
import { baseFolder } from './base-folder.ts';
import { isHalfMade, mendClone } from './clone.ts';
import { moveAside } from './durable.ts';
import { registrations, rejoin } from './linked.ts';
import { withRepositoryLock } from './lock.ts';
import { mendObjects } from './mend-objects.ts';
import { mendRef } from './mend-ref.ts';
import { chooseName, isFreeBranch } from './names.ts';
import { installOwnIndex, withOwnIndex } from './own-index.ts';
import { branchOf, folderOf, isNameOf, oldName, readTask, type TaskRecord, writeTask } from './records.ts';
import { baseRef, createRef, keepCommit, lastGood, moveRef } from './refs.ts';
import {
  excludeLocally,
  findCommit,
  findCommits,
  here,
  isExcludedLocally,
  type Repository,
  resolveCommit,
} from './repository.ts';
import { git } from './run.ts';
import { isFolder, soundStore } from './sound.ts';
import { clearRefLocks } from './stale-locks.ts';
import { trust } from './trust.ts';
import { pointer, write } from './workspace.ts';
import { discard, makeWorkspace, workspaceAt } from './workspaces.ts';

export { freshCheckout, removeWorktree } from './remove.ts';
export { clearStaleLocks } from './stale-locks.ts';

export interface WorktreeRequest {
  task: string;
  slug: string;
  /** Full id of the commit to start from. */
  base: string;
  /** Folder of the worktrees, relative to the top of the user's checkout, or absolute. */
  base_path: string;
  /** What the journal says of it, once it was made. Over anything that is found on the disk. */
  known?: { path: string; branch: string } | null;
}

export interface Worktree {
  path: string;
  branch: string;
}

/**
 * Finds, makes or mends the worktree of a task and records refs/rasen/<task>/base. Idempotent. A folder that vanished
 * comes back at the branch; a branch that vanished comes back at the last good commit. A folder that is damaged beyond
 * mending is moved aside, never removed. Errors: `git`.
 */
export function ensureWorktree(repo: Repository, request: WorktreeRequest): Promise<Worktree> {
  return withRepositoryLock(repo, () => ensure(repo, request));
}

async function ensure(repo: Repository, request: WorktreeRequest): Promise<Worktree> {
  await mendObjects(repo);
  await soundStore(repo, request.task);
  const { known } = request;
  // Before anything is written: another repository may be here.
  let refs = known ? await refsOf(repo, request, known.branch) : null;
  const base = refs?.base ?? (await resolveCommit(repo, request.base));
  const before = known ? dirname(known.path) : ((await readTask(repo, request.task))?.folder ?? null);
  const folder = await baseFolder(repo, resolve(repo.root, request.base_path), before);
  const stored = await recordOf(repo, request, { base, folder });
  const path = await pathOf(repo, request, stored, folder);
  const record = { ...stored, folder: dirname(path) };
  const branch = branchOf(record);
  if (stored.folder !== record.folder || (await readTask(repo, request.task)) === null)
    await writeTask(repo, record);
  await clearRefLocks(repo, { task: record.task, branch });
  refs ??= await refsOf(repo, request, branch);
  if (refs.marked !== base) await createRef(here(repo), baseRef(request.task), base);
  const tip = await branchTip(repo, record, { base, seen: refs.tip });
  await hideFromUser(repo, record.folder);
  if (!(await isSound(repo, record, path, tip))) {
    await clearPlace(repo, record, path);
    const made = await makeWorkspace(repo, path, `ref: refs/heads/${branch}`);
    await git(['reset', '--quiet', '--hard'], withOwnIndex(made));
    await installOwnIndex(made, tip);
    await trust(made);
  }
  if (record.state !== 'made') await writeTask(repo, { ...record, state: 'made' });
  const linked = await workspaceAt(repo, path);
  return { path: linked?.path ?? path, branch };
}

/** The commit that the task starts from, and what its refs name; null: none. One look. */
async function refsOf(repo: Repository, { task, base: from }: WorktreeRequest, branch: string) {
  const revs = [from, baseRef(task), `refs/heads/${branch}`];
  const [base = null, marked = null, tip = null] = await findCommits(here(repo), revs);
  return { base, marked, tip };
}

/** Which name the task has, as far as its journal and our records know; a new one where none is known. */
async function recordOf(
  repo: Repository,
  { task, slug, known }: WorktreeRequest,
  { base, folder }: { base: string; folder: string },
): Promise<TaskRecord> {
  const stored = await readTask(repo, task);
  if (known) {
    const name = known.branch.slice('rasen/'.length);
    // Once it was handed out, what is in it is somebody's work, whatever a record says.
    const state = stored?.state === 'removing' ? 'removing' : 'made';
    return { version: 1, task, name, folder: dirname(known.path), state };
  }
  if (stored !== null && isNameOf(stored.name, slug)) {
    const path = join(folder, folderOf(stored));
    // A crash came between record and branch, and somebody else took the name meanwhile.
    if (stored.state !== 'planned' || (await isFreeBranch(repo, branchOf(stored), base, path))) return stored;
  }
  const old = repo.is_old ? oldName(repo.common_dir, task) : null;
  if (old !== null && isNameOf(old, slug)) return { version: 1, task, name: old, folder, state: 'planned' };
  return await chooseName(repo, { task, slug, base, folder });
}

/** The folder was moved, or what leads to it was changed: the one that exists and is a worktree counts. */
async function pathOf(
  repo: Repository,
  { known }: WorktreeRequest,
  record: TaskRecord,
  folder: string,
): Promise<string> {
  const path = join(folder, folderOf(record));
  const before = known?.path ?? join(record.folder, folderOf(record));
  if (before === path || basename(before) !== basename(path)) return path;
  return (await workspaceAt(repo, before)) !== null ? before : path;
}

/** Makes the branch where it is missing. The result is its tip. */
async function branchTip(
  repo: Repository,
  record: TaskRecord,
  { base, seen }: { base: string; seen: string | null },
): Promise<string> {
  const ref = `refs/heads/${branchOf(record)}`;
  const place = here(repo);
  const lost = seen === null ? await mendRef(repo, ref) : null;
  const from = seen ?? (await findCommit(place, ref));
  // Before the worktree was made once, the branch can only be new or a left-over without commits of its own.
  const isNew = record.state === 'planned';
  const to = isNew ? base : (lost ?? from ?? (await lastGood(repo, record.task)) ?? base);
  if (from !== null && from !== to) await keepCommit(place, record.task, from);
  await moveRef(place, ref, { from, to, why: 'rasen: branch of a task' });
  return to;
}

/** True when the worktree is there and whole, after mending what of git's is lost or was written over in it. */
async function isSound(repo: Repository, record: TaskRecord, path: string, tip: string): Promise<boolean> {
  if (record.state !== 'made') return false;
  if ((await workspaceAt(repo, path)) === null) {
    // An empty folder with a `.git` would look like work that removed everything.
    const content = isFolder(path) ? await readdir(path) : [];
    if (!content.some(name => name !== '.git')) return false;
    if (repo.isolation === 'clone') {
      const head = `ref: refs/heads/${branchOf(record)}`;
      await installOwnIndex(await mendClone(repo, path, head), tip);
    } else if (!(await rejoin(repo, path))) return false;
  }
  const linked = await workspaceAt(repo, path);
  if (linked === null) return false;
  if (pointer(linked.admin, 'HEAD', /^(ref: refs\/\S+|[0-9a-f]{40,64})$/) === null) {
    // A torn HEAD, or what is none, makes git deny that this is a repository. The branch is what it must say. All else
    // that is no file is left to whoever goes on, and says so: the seal, or a reset.
    await write(linked.admin, 'HEAD', `ref: refs/heads/${branchOf(record)}\n`);
  }
  return true;
}

/** Makes the place free for a new worktree. Only what was never handed out is removed; work is moved aside. */
async function clearPlace(repo: Repository, record: TaskRecord, path: string): Promise<void> {
  for (const admin of await registrations(repo, path)) {
    const commit = pointer(admin, 'HEAD', /^([0-9a-f]{40,64})$/);
    // Commits on a detached HEAD are known to this registration alone.
    if (commit !== null && (await findCommit(here(repo), commit)) !== null)
      await keepCommit(here(repo), record.task, commit);
  }
  if (!(await isRemovable(repo, record, path))) await moveAside(path, 'aside');
  await discard(repo, path);
}

/** Nothing there, or half made by us: a worktree begins with its `.git`, which names a registration of this repository. */
async function isRemovable(repo: Repository, { state }: TaskRecord, path: string): Promise<boolean> {
  const found = await lstat(path).catch(unlessTrouble(null));
  if (found === null) return true;
  if (!found.isDirectory()) return false;
  if ((await readdir(path)).length === 0) return true;
  if (state === 'made') return false;
  if (repo.isolation === 'clone') return isHalfMade(repo, path);
  const admin = pointer(path, '.git', /^gitdir: (.+)$/);
  return admin !== null && dirname(resolve(path, admin)) === join(repo.common_dir, 'worktrees');
}

/** Worktrees inside the user's checkout must not show in its `git status`. */
async function hideFromUser(repo: Repository, folder: string): Promise<void> {
  const root = await realpath(repo.root);
  if (!folder.startsWith(root + sep)) return;
  const inside = relative(root, folder).split(sep).join('/');
  const pattern = `${inside.replace(/[\\*?[\]!# ]/g, '\\$&')}/`;
  if (isExcludedLocally(repo, pattern)) return;
  await excludeLocally(repo, [`/${pattern}`]);
}
