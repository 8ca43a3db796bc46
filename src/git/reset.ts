/**
 * Rolls the worktree of a task back to a commit. The only `reset --hard` in rasen: it runs with both folders named and
 * refuses everything but a linked worktree that a record gives to a task.
 */
import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { RasenError } from '../errors.ts';
import { removeTree } from './durable.ts';
import { headTo } from './durable-objects.ts';
import { at, requireLinked } from './linked.ts';
import { withRepositoryLock } from './lock.ts';
import { endOperations } from './operations.ts';
import { listTasks } from './records.ts';
import { keepCommit, moveRef } from './refs.ts';
import { findCommit } from './repository.ts';
import { git, parts } from './run.ts';
import { dropCopy, unhide, unmergedIn } from './snapshot.ts';
import { clearStaleLocks } from './stale-locks.ts';
import { compareByContent, trust } from './trust.ts';
import type { Worktree } from './worktree.ts';

/**
 * Branch, index and files become `commit`; untracked files go, ignored ones (installed dependencies) stay. Commits that
 * would be lost are kept as refs of the task; uncommitted work is not, so seal the attempt before. Idempotent.
 * Errors: `git`, also when the folder is not a task's worktree.
 */
export async function resetWorktree(
  worktree: Pick<Worktree, 'path' | 'branch'>,
  commit: string,
): Promise<void> {
  const linked = await requireLinked(worktree.path);
  await withRepositoryLock(linked, async () => {
    const record = (await listTasks(linked)).find(r => r.path === linked.path);
    if (record === undefined || record.branch !== worktree.branch || !record.branch.startsWith('rasen/')) {
      throw new RasenError('git', `${worktree.path} is not the worktree of a task; it is not reset`, {
        data: { path: worktree.path },
      });
    }
    const place = at(linked);
    const target = await findCommit(place.cwd, commit, place.env);
    if (target === null) {
      throw new RasenError('git', `"${commit}" is not a commit; ${worktree.path} is not reset`);
    }
    await clearStaleLocks(linked.path, { tree_empty: true });
    const ref = `refs/heads/${record.branch}`;
    const head = await findCommit(place.cwd, 'HEAD', place.env);
    const tip = await findCommit(place.cwd, ref, place.env);
    for (const known of new Set([head, tip])) {
      if (known !== null && known !== target) await keepCommit(place, record.task, known);
    }
    await endOperations(linked, record.task);
    await moveRef(place, ref, { from: tip, to: target, why: 'rasen: rolled back' });
    await headTo(linked, ref);
    if ((await unmergedIn(place)) === null) await rm(join(linked.admin, 'index'), { force: true });
    await unhide(place);
    await dropCopy(linked);
    await compareByContent(linked, target);
    await git(['reset', '--quiet', '--hard', target], place);
    // Twice -f: also repositories that the attempt made inside. What git cannot remove is removed below.
    await git(['clean', '-ffdq'], { ...place, ok: [0, 1] });
    for (const path of await listed(place, ['--others', '--directory', '--exclude-standard'])) {
      await removeTree(join(linked.path, path));
    }
    const left = [
      ...(await listed(place, ['--others', '--exclude-standard'])),
      ...(await listed(place, ['--modified', '--deleted'])),
    ];
    if (left.length > 0) {
      throw new RasenError(
        'git',
        `${worktree.path} could not be rolled back: ${left.slice(0, 5).join(', ')} differ`,
        { hint: 'See whether a program still writes there, or a git filter changes files.', data: { left } },
      );
    }
    await trust(linked);
  });
}

async function listed(
  place: { cwd: string; env: Record<string, string> },
  what: string[],
): Promise<string[]> {
  const { stdout } = await git(['ls-files', '-z', ...what], { ...place, reads: true });
  return parts(stdout).slice(0, 1000);
}
