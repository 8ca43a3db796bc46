/**
 * Which branch and folder a new task gets: `rasen/<slug>`, or with -2, -3, … where that is someone's. Used once per
 * task by worktree.ts, which records the answer before anything is made.
 */
import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { errnoOf, RasenError } from '../contract/errors.ts';
import { MAX_NAMES } from './limits.ts';
import { listWorktrees, registrations } from './linked.ts';
import { branchOf, folderOf, listTasks, refPart, type TaskRecord } from './records.ts';
import { isAncestor } from './refs.ts';
import { findCommit, here, type Repository } from './repository.ts';
import { git } from './run.ts';

interface Wish {
  task: string;
  slug: string;
  base: string;
  /** Real path of the folder of the worktrees. */
  folder: string;
}

/** Throws `git` when no name is free. */
export async function chooseName(repo: Repository, wish: Wish): Promise<TaskRecord> {
  refPart(wish.slug);
  if ((await findCommit(here(repo), 'refs/heads/rasen')) !== null) {
    throw new RasenError('git', `A branch called "rasen" leaves no room for "rasen/${wish.slug}"`, {
      hint: 'Rename it: git branch -m rasen rasen-old',
    });
  }
  const claimed = new Set<string>();
  for (const record of await listTasks(repo)) {
    claimed.add(branchOf(record).toLowerCase());
    claimed.add(join(record.folder, folderOf(record)).toLowerCase());
  }
  for (let i = 1; i <= MAX_NAMES; i += 1) {
    const name = i === 1 ? wish.slug : `${wish.slug}-${i}`;
    const branch = branchOf({ name });
    const path = join(wish.folder, folderOf({ name }));
    if (claimed.has(branch.toLowerCase()) || claimed.has(path.toLowerCase())) continue;
    if (!(await isEmptyPlace(path)) || (await registrations(repo, path)).length > 0) continue;
    if (!(await isFreeBranch(repo, branch, wish.base, path))) continue;
    return { version: 1, task: wish.task, name, folder: wish.folder, state: 'planned' };
  }
  throw new RasenError(
    'git',
    `All names from rasen/${wish.slug} to rasen/${wish.slug}-${MAX_NAMES} are taken`,
    {
      hint: 'Remove old worktrees and branches with: rasen gc',
    },
  );
}

async function isEmptyPlace(path: string): Promise<boolean> {
  try {
    return (await readdir(path)).length === 0;
  } catch (error) {
    return errnoOf(error) === 'ENOENT';
  }
}

/** Free: no such branch, or a left-over of a failed start, with nothing of its own and checked out nowhere but in `own`. */
export async function isFreeBranch(
  repo: Repository,
  branch: string,
  base: string,
  own: string,
): Promise<boolean> {
  const ref = `refs/heads/${branch}`;
  const args = ['for-each-ref', '--count=1', '--format=%(refname)', `${ref}/`];
  const below = await git(args, { ...here(repo), reads: true });
  if (below.stdout.trim() !== '') return false;
  const tip = await findCommit(here(repo), ref);
  if (tip === null) return true;
  if (listWorktrees(repo).some(worktree => worktree.ref === ref && worktree.path !== own)) return false;
  return await isAncestor(here(repo), tip, base);
}
