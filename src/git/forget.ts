/**
 * What goes with a task that is forgotten, beside its refs: the branch that was made for it. And before anything goes:
 * whether something of it is nowhere else.
 */

import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { readForeign, untroubled } from '../host/foreign-file.ts';
import { unlessTrouble } from '../host/trouble.ts';
import { withRepositoryLock } from './lock.ts';
import { baseRef, listTaskRefs } from './refs.ts';
import { findCommit, here, type Repository } from './repository.ts';
import { git } from './run.ts';

/** Longer is no name of a ref. */
const MAX_HEAD_BYTES = 4096;

export interface Forgotten {
  task: string;
  /** `rasen/<slug>`. */
  branch: string;
  /** Whether the user has the result: then attempts that were refused on the way are no work any more. */
  merged: boolean;
}

/** A commit that no branch or tag but the task's own has; null: everything is elsewhere, too, or settled. */
export async function onlyCopy(
  repo: Repository,
  { task, branch, merged }: Forgotten,
): Promise<string | null> {
  const refs = await listTaskRefs(repo, task);
  const head = await findCommit(here(repo), `refs/heads/${branch}`);
  const all = [...new Set([...refs.map(({ commit }) => commit), ...(head ? [head] : [])])];
  if (all.length === 0) return null;
  const settled = refs
    .filter(({ ref }) => ref === baseRef(task) || (merged && !ref.includes('/kept/')))
    .map(({ commit }) => commit);
  const elsewhere = [`--exclude=${branch}`, '--branches', '--remotes', '--tags'];
  const input = [...all, ...settled.map(commit => `^${commit}`), ''].join('\n');
  const args = ['rev-list', '--max-count=1', '--not', ...elsewhere, '--not', '--stdin'];
  const { stdout } = await git(args, { ...here(repo), reads: true, input });
  return stdout.trim() || null;
}

/** Removes the branch, unless it has moved since the task or somebody has it checked out. Idempotent. */
export function deleteTaskBranch(repo: Repository, { task, branch }: Forgotten): Promise<void> {
  return withRepositoryLock(repo, async () => {
    const ref = `refs/heads/${branch}`;
    const head = await findCommit(here(repo), ref);
    if (head === null) return;
    const own = await listTaskRefs(repo, task);
    if (own.every(({ commit }) => commit !== head)) return;
    if (await isCheckedOut(repo, ref)) return;
    await git(['update-ref', '--stdin'], { ...here(repo), input: `delete ${ref} ${head}\n` });
  });
}

async function isCheckedOut({ git_dir, common_dir }: Repository, ref: string): Promise<boolean> {
  const linked = await readdir(join(common_dir, 'worktrees')).catch(unlessTrouble([]));
  const places = [git_dir, common_dir, ...linked.map(name => join(common_dir, 'worktrees', name))];
  return places.some(root => {
    const place = { root, path: 'HEAD' };
    const head = untroubled(place, readForeign(place, MAX_HEAD_BYTES));
    return head.ok && head.value.bytes.toString('utf8').trim() === `ref: ${ref}`;
  });
}
