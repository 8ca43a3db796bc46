/** Questions about commits and their differences; reads only. Used for views, prompts of reviews, and reports. */

import { lstat, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { RasenError } from '../contract/errors.ts';
import { unlessTrouble } from '../host/trouble.ts';
import { withRepositoryLock } from './lock.ts';
import { folderOf, readTask, taskFolder } from './records.ts';
import { listTaskRefs } from './refs.ts';
import { here, type Repository } from './repository.ts';
import { git } from './run.ts';
import { soundStore } from './sound.ts';

/** How many commits `head` has and `base` has not. */
export async function countCommits(repo: Repository, base: string, head: string): Promise<number> {
  const args = ['rev-list', '--count', `${base}..${head}`, '--'];
  return Number((await git(args, { ...here(repo), reads: true })).stdout.trim());
}

/** Id of the tree of a commit. */
export async function treeOf(repo: Repository, commit: string): Promise<string> {
  const args = ['rev-parse', '--verify', `${commit}^{tree}`];
  return (await git(args, { ...here(repo), reads: true })).stdout.trim();
}

/** The diff as text, at most `max_bytes` of it. */
export async function diffText(
  repo: Repository,
  base: string,
  head: string,
  max_bytes: number,
): Promise<{ text: string; cut: boolean }> {
  const args = ['diff', '-M', '--no-ext-diff', '--no-textconv', base, head, '--'];
  const { stdout, cut } = await git(args, { ...here(repo), reads: true, max_bytes, cut: true });
  return { text: stdout, cut };
}

export interface DiffStat {
  files: number;
  insertions: number;
  deletions: number;
}

export async function diffStat(repo: Repository, base: string, head: string): Promise<DiffStat> {
  const args = ['diff', '-M', '--no-ext-diff', '--no-textconv', '--numstat', base, head, '--'];
  const { stdout } = await git(args, { ...here(repo), reads: true });
  const stat: DiffStat = { files: 0, insertions: 0, deletions: 0 };
  for (const line of stdout.split('\n')) {
    const found = /^(\d+|-)\t(\d+|-)\t/.exec(line);
    if (found === null) continue;
    stat.files += 1;
    // A dash stands for a binary file.
    stat.insertions += Number(found[1]) || 0;
    stat.deletions += Number(found[2]) || 0;
  }
  return stat;
}

/**
 * Forgets a task: its refs and its record, after its worktree was removed; the branch stays. Whoever calls this has
 * made sure that the work is merged or not wanted. Idempotent. Throws `git` while the worktree is there.
 */
export function deleteTaskRefs(repo: Repository, task: string): Promise<void> {
  return withRepositoryLock(repo, async () => {
    const record = await readTask(repo, task);
    const path = record && join(record.folder, folderOf(record));
    if (path && (await lstat(path).catch(unlessTrouble(null)))) {
      throw new RasenError('git', `Task ${task} still has its worktree ${path}`, {
        hint: 'Remove the worktree first.',
      });
    }
    await soundStore(repo, task);
    const refs = await listTaskRefs(repo, task);
    const input = refs.map(({ ref, commit }) => `delete ${ref} ${commit}\n`).join('');
    if (input !== '') await git(['update-ref', '--stdin'], { ...here(repo), input });
    await rm(taskFolder(repo, task), { recursive: true, force: true });
  });
}
