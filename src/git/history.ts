/** Questions about commits and their differences; reads only. Used for views, prompts of reviews, and reports. */

import { lstat, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { RasenError } from '../contract/errors.ts';
import { unlessTrouble } from '../host/trouble.ts';
import { MAX_COMMITS } from './limits.ts';
import { withRepositoryLock } from './lock.ts';
import { folderOf, readTask, taskFolder } from './records.ts';
import { listTaskRefs } from './refs.ts';
import { here, type Repository } from './repository.ts';
import { git } from './run.ts';
import { soundStore } from './sound.ts';

export interface CommitLine {
  hash: string;
  subject: string;
  /** From the trailer Rasen-Subtask; null for commits of the agent itself. */
  subtask: string | null;
  /** Committer time, RFC 3339 UTC. */
  t: string;
}

/** Commits that `head` has and `base` has not, newest first, at most 10,000. */
export async function commitsSince(repo: Repository, base: string, head: string): Promise<CommitLine[]> {
  const trailer = '%(trailers:key=Rasen-Subtask,valueonly,separator=%x2C)';
  const { stdout } = await git(
    ['log', '-z', `-n${MAX_COMMITS}`, `--format=%H%x00%s%x00%ct%x00${trailer}`, `${base}..${head}`, '--'],
    { ...here(repo), reads: true },
  );
  const fields = stdout.split('\0');
  const commits: CommitLine[] = [];
  for (let i = 0; i + 3 < fields.length; i += 4) {
    const [hash, subject, seconds, subtask] = fields.slice(i, i + 4) as [string, string, string, string];
    const t = new Date(Number(seconds) * 1000).toISOString();
    commits.push({ hash, subject, subtask: subtask.trim() || null, t });
  }
  return commits;
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
