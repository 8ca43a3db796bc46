/**
 * The worktree and branch of a task. ensureWorktree may be killed anywhere and called again: what it decides is
 * written to a record first, and what it finds half made is made anew. The user's checkout and branches are not touched.
 */
import { lstat, mkdir, readdir, readFile, realpath, writeFile } from 'node:fs/promises';
import { join, relative, resolve, sep } from 'node:path';
import { moveAside } from './durable.ts';
import { at, discard, linkedAt, registrations, rejoin, requireLinked } from './linked.ts';
import { withRepositoryLock } from './lock.ts';
import { mendObjects } from './mend-objects.ts';
import { mendRef } from './mend-ref.ts';
import { chooseName } from './names.ts';
import { readTask, type TaskRecord, writeTask } from './records.ts';
import { baseRef, createRef, keepCommit, lastGood, moveRef } from './refs.ts';
import {
  excludeLocally,
  findCommit,
  isExcludedLocally,
  type Repository,
  resolveCommit,
} from './repository.ts';
import { git } from './run.ts';
import { clearRefLocks } from './stale-locks.ts';
import { trust } from './trust.ts';

export { freshCheckout, removeWorktree } from './remove.ts';
export { clearStaleLocks } from './stale-locks.ts';

export interface WorktreeRequest {
  task: string;
  slug: string;
  /** Full id of the commit to start from. */
  base: string;
  /** Folder of the worktrees, relative to the top of the user's checkout, or absolute. */
  base_path: string;
}

export interface Worktree {
  path: string;
  branch: string;
  head: string;
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
  const base = await resolveCommit(repo, request.base);
  const folder = await baseFolder(repo, request.base_path);
  const known = await readTask(repo, request.task);
  const record = known ?? (await chooseName(repo, { task: request.task, slug: request.slug, base, folder }));
  const moved = join(folder, `task-${record.name}`);
  // The project was moved or base_path was changed: the folder that exists counts.
  const isMoved = record.path !== moved && !(await exists(record.path));
  if (isMoved) record.path = moved;
  if (known === null || isMoved) await writeTask(repo, record);
  await clearRefLocks(repo.common_dir, record);
  await createRef({ cwd: repo.root }, baseRef(request.task), base);
  const tip = await branchTip(repo, record, base);
  await hideFromUser(repo, folder);
  if (!(await isSound(repo, record))) {
    await clearPlace(repo, record);
    // The branch exists, so git has nothing to set up for it in the shared configuration: that, with `-b` and
    // tracking on, is what fails when several worktrees are added at once, and leaves branches behind.
    await git(['worktree', 'add', '--quiet', record.path, record.branch], { cwd: repo.root });
    await trust(await requireLinked(record.path));
  }
  if (record.state !== 'made') await writeTask(repo, { ...record, state: 'made' });
  const linked = await linkedAt(record.path);
  const head = linked && (await findCommit(linked.path, 'HEAD', at(linked).env));
  return { path: linked?.path ?? record.path, branch: record.branch, head: head ?? tip };
}

/** Makes the branch where it is missing. The result is its tip. */
async function branchTip(repo: Repository, record: TaskRecord, base: string): Promise<string> {
  const ref = `refs/heads/${record.branch}`;
  const seen = await findCommit(repo.root, ref);
  const lost = seen === null ? await mendRef(repo, ref) : null;
  const from = seen ?? (await findCommit(repo.root, ref));
  // Before the worktree was made once, the branch can only be new or a left-over without commits of its own.
  const isNew = record.state === 'planned';
  const to = isNew ? base : (lost ?? from ?? (await lastGood(repo, record.task)) ?? base);
  if (from !== null && from !== to) await keepCommit({ cwd: repo.root }, record.task, from);
  await moveRef({ cwd: repo.root }, ref, { from, to, why: 'rasen: branch of a task' });
  return to;
}

/** True when the worktree is there and whole, after mending a lost `.git` file. */
async function isSound(repo: Repository, record: TaskRecord): Promise<boolean> {
  if (record.state !== 'made') return false;
  const link = join(record.path, '.git');
  if (!(await exists(link)) && (await readdir(record.path).catch(() => [])).length > 0) {
    const [admin, ...more] = await registrations(repo.common_dir, record.path);
    if (admin !== undefined && more.length === 0) await writeFile(link, `gitdir: ${admin}\n`);
  }
  if ((await linkedAt(record.path)) === null) await rejoin(repo.common_dir, record.path);
  const linked = await linkedAt(record.path);
  if (linked === null || linked.common_dir !== repo.common_dir) return false;
  const head = await readFile(join(linked.admin, 'HEAD'), 'utf8').catch(() => '');
  if (!/^(ref: refs\/\S+|[0-9a-f]{40,64})\n?$/.test(head)) {
    // A torn HEAD makes git deny that this is a repository. The branch is what it must say.
    await writeFile(join(linked.admin, 'HEAD'), `ref: refs/heads/${record.branch}\n`);
  }
  return true;
}

/** Makes the place free for `worktree add`. Only what was never handed out is removed; work is moved aside. */
async function clearPlace(repo: Repository, record: TaskRecord): Promise<void> {
  for (const admin of await registrations(repo.common_dir, record.path)) {
    const head = (await readFile(join(admin, 'HEAD'), 'utf8').catch(() => '')).trim();
    const commit = /^[0-9a-f]{40,64}$/.test(head) ? await findCommit(repo.root, head) : null;
    // Commits on a detached HEAD are known to this registration alone.
    if (commit !== null) await keepCommit({ cwd: repo.root }, record.task, commit);
  }
  const content = await readdir(record.path).catch(() => []);
  if (record.state === 'made' && content.length > 0) await moveAside(record.path, 'aside');
  await discard(repo.common_dir, record.path);
}

async function baseFolder(repo: Repository, base_path: string): Promise<string> {
  const folder = resolve(repo.root, base_path);
  await mkdir(folder, { recursive: true });
  return await realpath(folder);
}

/** Worktrees inside the user's checkout must not show in its `git status`. */
async function hideFromUser(repo: Repository, folder: string): Promise<void> {
  const root = await realpath(repo.root);
  if (!folder.startsWith(root + sep)) return;
  const inside = relative(root, folder).split(sep).join('/');
  const pattern = `/${inside.replace(/[\\*?[\]!# ]/g, '\\$&')}/`;
  // Whatever git would say then, there is nothing left to do.
  if (await isExcludedLocally(repo, pattern)) return;
  const args = ['check-ignore', '--quiet', '--', `${folder}${sep}task`];
  const ignored = await git(args, { cwd: repo.root, reads: true, ok: [0, 1, 128] });
  if (ignored.code !== 0) await excludeLocally(repo, [pattern]);
}

async function exists(path: string): Promise<boolean> {
  return (await lstat(path).catch(() => null)) !== null;
}
