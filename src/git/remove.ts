/**
 * Worktrees that go: the one of a finished task, and throw-away checkouts of one commit for final and merge gates.
 * Only folders that are ours by our records are ever removed, at the path that the order of the task gives.
 */

import { lstat, readdir } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { RasenError } from '../contract/errors.ts';
import { unlessTrouble } from '../host/trouble.ts';
import { baseFolder } from './base-folder.ts';
import { handOver, insidePlace, lookInto, takeOver } from './carry.ts';
import { syncCommits } from './durable-objects.ts';
import { committerEnv } from './identity.ts';
import { keepLeftOut, leftOut } from './left-out.ts';
import { linkedAt, registrations } from './linked.ts';
import { withRepositoryLock } from './lock.ts';
import { dropOwnIndex, installOwnIndex, withOwnIndex } from './own-index.ts';
import {
  branchOf,
  dropCheckout,
  folderOf,
  hadOldCheckout,
  keptFolder,
  listTasks,
  plainPath,
  readCheckout,
  readTask,
  type TaskRecord,
  writeCheckout,
  writeTask,
} from './records.ts';
import { baseRef, keepCommit } from './refs.ts';
import { findCommit, here, type Repository, resolveCommit } from './repository.ts';
import { git } from './run.ts';
import { takeSnapshot } from './snapshot.ts';
import { mendAdmin, soundStore } from './sound.ts';
import { trust } from './trust.ts';
import { at, isClone } from './workspace.ts';
import { discard, makeWorkspace, workspaceAt } from './workspaces.ts';

/**
 * Removes the worktree of a task or a fresh checkout, also when it is locked, damaged or gone already. What a task's
 * worktree holds beyond its refs is kept as refs/rasen/<task>/kept/<commit> first, what no commit can hold in a folder of
 * the state (records.ts, keptFolder); ignored files are not.
 * Throws `git` for a folder that is not ours.
 */
export function removeWorktree(repo: Repository, path: string): Promise<void> {
  return withRepositoryLock(repo, async () => {
    const place = await plainPath(path);
    await soundStore(repo, null);
    if (await isOurs(repo, place)) {
      await discard(repo, place);
      await dropCheckout(repo, place);
      return;
    }
    const record = (await listTasks(repo)).find(r => join(r.folder, folderOf(r)) === place);
    if (record === undefined) throw notOurs(path);
    if (record.state === 'made') {
      await keepWork(repo, record, place);
      // Written first: a half-removed worktree is then removed when it is found again, not taken for work.
      await writeTask(repo, { ...record, state: 'removing' });
    }
    await discard(repo, place);
    if (record.state !== 'planned') await writeTask(repo, { ...record, state: 'made' });
  });
}

/** Whether removeWorktree would find work in the worktree of a task that nothing in the user's repository has. Changes nothing. */
export async function holdsMore(
  repo: Repository,
  { task, path }: { task: string; path: string },
): Promise<boolean> {
  const found = await workspaceAt(repo, path);
  if (found === null) return false;
  const place = { ...(isClone(found) ? await insidePlace(found) : at(found)), reads: true };
  const head = isClone(found) ? (await lookInto(found)).head : await findCommit(place, 'HEAD');
  if (head !== null && (await findCommit(here(repo), head)) === null) return true;
  const args = ['status', '--porcelain', '-z', '--untracked-files=normal', '--ignore-submodules=dirty'];
  const { stdout } = await git(args, { ...place, max_bytes: 1, cut: true });
  if (stdout !== '') return true;
  return (await leftOut(found, { place, good: baseRef(task), unreadable: [], wanted: [] })).length > 0;
}

/** Makes `path` a detached checkout of `commit`; an earlier one of ours at this path is replaced. */
export function freshCheckout(
  repo: Repository,
  request: { task: string; commit: string; path: string },
): Promise<void> {
  return withRepositoryLock(repo, async () => {
    const commit = await resolveCommit(repo, request.commit);
    const before = (await readTask(repo, request.task))?.folder ?? null;
    const folder = await baseFolder(repo, dirname(request.path), before);
    const path = join(folder, basename(request.path));
    await soundStore(repo, request.task);
    const known = await readCheckout(repo, path);
    if (known === null && !(await isOurs(repo, path))) {
      const isFree = (await lstat(path).catch(unlessTrouble(null))) === null || (await isEmptyFolder(path));
      if (!isFree || (await registrations(repo, path)).length > 0) throw notOurs(path);
    }
    if (known?.commit !== commit) await writeCheckout(repo, { version: 1, task: request.task, path, commit });
    await discard(repo, path);
    const made = await makeWorkspace(repo, path, commit);
    // A commit that no ref names is in no clone yet.
    if (isClone(made)) await handOver(made, { commit, branch: null });
    await git(['reset', '--quiet', '--hard', commit], withOwnIndex(made));
    await installOwnIndex(made, commit);
    await trust(made);
  });
}

/** Recorded as a checkout of ours, or made by an earlier release: then it must also be registered at this very path. */
async function isOurs(repo: Repository, path: string): Promise<boolean> {
  if ((await readCheckout(repo, path)) !== null) return true;
  return repo.is_old && hadOldCheckout(repo.common_dir, path) && (await linkedAt(repo, path)) !== null;
}

async function keepWork(repo: Repository, record: TaskRecord, path: string): Promise<void> {
  const linked = await workspaceAt(repo, path);
  if (linked === null) return;
  await mendAdmin(linked);
  const place = at(linked);
  const theirs = isClone(linked) ? await takeOver(linked) : null;
  const head = theirs === null ? await findCommit(place, 'HEAD') : theirs.head;
  if (head !== null) await keepCommit(place, record.task, head);
  for (const { commit } of theirs?.tips ?? []) await keepCommit(place, record.task, commit);
  const parent = head ?? (await findCommit(here(repo), `refs/heads/${branchOf(record)}`));
  if (parent === null) return;
  const { tree, left_out } = await takeSnapshot(linked, parent);
  const request = {
    place: withOwnIndex(linked),
    good: baseRef(record.task),
    unreadable: left_out,
    wanted: [],
  };
  const left = await leftOut(linked, request);
  await dropOwnIndex(linked);
  await keepLeftOut(linked, left, keptFolder(repo, record.task));
  const before = await git(['rev-parse', `${parent}^{tree}`], { ...place, reads: true });
  if (before.stdout.trim() === tree) return;
  const message = `wip: left in the worktree when it was removed\n\nRasen-Task: ${record.task}\n`;
  const made = await git(['commit-tree', tree, '-p', parent], {
    ...place,
    env: { ...place.env, ...committerEnv(place) },
    input: message,
  });
  const commit = made.stdout.trim();
  await syncCommits(place, { from: parent, to: commit });
  await keepCommit(place, record.task, commit);
}

async function isEmptyFolder(path: string): Promise<boolean> {
  return (await readdir(path).catch(() => ['?'])).length === 0;
}

function notOurs(path: string): RasenError {
  return new RasenError('git', `${path} is no worktree that rasen made; it stays as it is`, {
    hint: 'Remove or rename it yourself if it is in the way.',
    data: { path },
  });
}
