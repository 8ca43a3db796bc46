/**
 * Worktrees that go: the one of a finished task, and throw-away checkouts of one commit for final and merge gates.
 * Only folders that a record names as ours are ever removed.
 */
import { lstat, mkdir, readdir } from 'node:fs/promises';
import { dirname } from 'node:path';
import { RasenError } from '../errors.ts';
import { committerEnv } from './identity.ts';
import { at, discard, linkedAt, registrations, requireLinked } from './linked.ts';
import { withRepositoryLock } from './lock.ts';
import {
  dropCheckout,
  listTasks,
  plainPath,
  readCheckout,
  type TaskRecord,
  writeCheckout,
  writeTask,
} from './records.ts';
import { keepCommit } from './refs.ts';
import { findCommit, type Repository, resolveCommit } from './repository.ts';
import { git } from './run.ts';
import { dropCopy, takeSnapshot } from './snapshot.ts';
import { trust } from './trust.ts';

/**
 * Removes the worktree of a task or a fresh checkout, also when it is locked, damaged or gone already. What a task's
 * worktree holds beyond its refs is kept as refs/rasen/<task>/kept/<commit> first; ignored files are not.
 * Throws `git` for a folder that is not ours.
 */
export function removeWorktree(repo: Repository, path: string): Promise<void> {
  return withRepositoryLock(repo, async () => {
    const place = await plainPath(path);
    if (await readCheckout(repo, place)) {
      await discard(repo.common_dir, place);
      await dropCheckout(repo, place);
      return;
    }
    const record = (await listTasks(repo)).find(r => r.path === place);
    if (record === undefined) throw notOurs(path);
    if (record.state === 'made') {
      await keepWork(repo, record);
      // Written first: a half-removed worktree is then removed when it is found again, not taken for work.
      await writeTask(repo, { ...record, state: 'removing' });
    }
    await discard(repo.common_dir, place);
    if (record.state !== 'planned') await writeTask(repo, { ...record, state: 'made' });
  });
}

/** Makes `path` a detached checkout of `commit`; an earlier one of ours at this path is replaced. */
export function freshCheckout(
  repo: Repository,
  request: { task: string; commit: string; path: string },
): Promise<void> {
  return withRepositoryLock(repo, async () => {
    const commit = await resolveCommit(repo, request.commit);
    await mkdir(dirname(request.path), { recursive: true });
    const path = await plainPath(request.path);
    const known = await readCheckout(repo, path);
    if (known === null) {
      const isFree = (await lstat(path).catch(() => null)) === null || (await isEmptyFolder(path));
      if (!isFree || (await registrations(repo.common_dir, path)).length > 0) throw notOurs(path);
    }
    if (known?.commit !== commit) await writeCheckout(repo, { version: 1, task: request.task, path, commit });
    await discard(repo.common_dir, path);
    await git(['worktree', 'add', '--quiet', '--detach', path, commit], { cwd: repo.root });
    await trust(await requireLinked(path));
  });
}

async function keepWork(repo: Repository, record: TaskRecord): Promise<void> {
  const linked = await linkedAt(record.path);
  if (linked === null || linked.common_dir !== repo.common_dir) return;
  const place = at(linked);
  const head = await findCommit(linked.path, 'HEAD', place.env);
  if (head !== null) await keepCommit(place, record.task, head);
  const parent = head ?? (await findCommit(repo.root, `refs/heads/${record.branch}`));
  if (parent === null) return;
  const { tree } = await takeSnapshot(linked, parent);
  await dropCopy(linked);
  const before = await git(['rev-parse', `${parent}^{tree}`], { ...place, reads: true });
  if (before.stdout.trim() === tree) return;
  const message = `wip: left in the worktree when it was removed\n\nRasen-Task: ${record.task}\n`;
  const made = await git(['commit-tree', tree, '-p', parent], {
    cwd: place.cwd,
    env: { ...place.env, ...(await committerEnv(place)) },
    input: message,
  });
  await keepCommit(place, record.task, made.stdout.trim());
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
