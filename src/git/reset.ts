/**
 * Rolls the worktree of a task back to a commit. The only `reset --hard` in rasen: it runs with both folders named and
 * refuses everything but the workspace that a record gives to a task.
 */
import { join } from 'node:path';
import { isRasenError, RasenError } from '../contract/errors.ts';
import { refuseMounts, removeTree } from '../host/remove-tree.ts';
import { troubleOf } from '../host/trouble.ts';
import { handOver, standsOn } from './carry.ts';
import { headTo } from './durable-objects.ts';
import { keepLeftOut } from './left-out.ts';
import { withRepositoryLock } from './lock.ts';
import { endOperations } from './operations.ts';
import { asWeLeftIt, installOwnIndex, openOwnIndex } from './own-index.ts';
import { branchOf, folderOf, keptFolder, listTasks } from './records.ts';
import { attemptRef, keepCommit, moveRef } from './refs.ts';
import { findCommit, findCommits, type Place, type Repository } from './repository.ts';
import { git, isStuck, parts } from './run.ts';
import type { CommitMarks } from './seal.ts';
import { mendAdmin, mendControlFiles, soundStore } from './sound.ts';
import { clearStaleLocks } from './stale-locks.ts';
import { compareByContent, isTrusted, trust } from './trust.ts';
import { at, isClone, pointer, type Workspace } from './workspace.ts';
import { requireWorkspace } from './workspaces.ts';
import type { Worktree } from './worktree.ts';

/**
 * Branch, index and files become `commit`; untracked files go, ignored ones (installed dependencies) stay. Commits that
 * would be lost are kept as refs of the task; uncommitted work is not. So it is refused while one of the attempts that the
 * journal of the task calls unsealed has no commit under its ref. Idempotent.
 * Errors: `git`, also when the folder is not a task's worktree.
 */
export async function resetWorktree(
  repo: Repository,
  worktree: Pick<Worktree, 'path' | 'branch'>,
  commit: string,
  unsealed: readonly CommitMarks[],
): Promise<void> {
  const linked = await requireWorkspace(repo, worktree.path);
  await withRepositoryLock(linked, async () => {
    await refuseUnsealed(linked, unsealed);
    const record = (await listTasks(repo)).find(r => join(r.folder, folderOf(r)) === linked.path);
    if (record === undefined || branchOf(record) !== worktree.branch) {
      throw new RasenError('git', `${worktree.path} is not the worktree of a task; it is not reset`, {
        data: { path: worktree.path },
      });
    }
    const place = at(linked);
    // `git clean` would remove what is mounted there.
    await refuseMounts(linked.path);
    await soundStore(repo, record.task);
    await mendAdmin(linked);
    await mendControlFiles(repo, linked.path, false);
    const ref = `refs/heads/${worktree.branch}`;
    const [target, tip] = await findCommits(place, [commit, ref]);
    if (!target) {
      throw new RasenError('git', `"${commit}" is not a commit; ${worktree.path} is not reset`);
    }
    await clearStaleLocks(repo, { ...worktree, task: record.task }, { tree_empty: true });
    // Mostly the attempt before was sealed, and nothing is left to do: that is seen while its commits are looked for.
    const isOn = tip === target && pointer(linked.admin, 'HEAD', /^ref: (.+)$/) === ref;
    const looking = isOn ? stands(linked, target) : Promise.resolve('elsewhere');
    looking.catch(() => {});
    const theirs = await standsOn(linked, [tip ?? null]).finally(() => looking.catch(() => {}));
    const where = await looking;
    for (const known of new Set([theirs.head, ...theirs.tips.map(({ commit }) => commit), tip])) {
      if (known && known !== target) await keepCommit(place, record.task, known);
    }
    await endOperations(linked, record.task);
    await moveRef(place, ref, { from: tip ?? null, to: target, why: 'rasen: rolled back' });
    await headTo(linked, ref);
    if (isClone(linked)) await handOver(linked, { commit: target, branch: ref, theirs });
    // Where the clone was made anew meanwhile, it has no index.
    if (where === 'as left' && (await asWeLeftIt(linked)) !== null) return;
    if (where === 'elsewhere') await bringBack(linked, { task: record.task, target });
    await installOwnIndex(linked, target);
    await trust(linked);
  });
}

/**
 * Where index and files are, seen from HEAD, which is at `target`. `as left`: there, with the index that we have put into the
 * worktree. `there`: with our index, which is open then.
 */
async function stands(linked: Workspace, target: string): Promise<'as left' | 'there' | 'elsewhere'> {
  const left = isTrusted(linked) ? await asWeLeftIt(linked) : null;
  if (left !== null) return (await isClean(left)) ? 'as left' : 'elsewhere';
  return (await isClean(await openIndexAt(linked, target))) ? 'there' : 'elsewhere';
}

/** Nothing differs from HEAD, and nothing else is there, not even an empty folder. Each of the looks goes through all files. */
async function isClean(files: Place): Promise<boolean> {
  const status = ['status', '--porcelain', '--untracked-files=no', '--no-renames'];
  try {
    const [changed, more] = await Promise.all([
      git([...status, '--ignore-submodules=dirty'], { ...files, reads: true, max_bytes: 1, cut: true }),
      listed(files, NEW_THERE),
    ]);
    return changed.stdout === '' && more.length === 0;
  } catch (error) {
    // What hinders a look (a FIFO, a damaged index) may be what has to be put right.
    if (!isRasenError(error) || troubleOf(error) !== null) throw error;
    return false;
  }
}

async function openIndexAt(linked: Workspace, target: string): Promise<Place> {
  const { place } = await openOwnIndex(linked, target);
  await compareByContent(linked, target);
  return place;
}

async function bringBack(
  linked: Workspace,
  { task, target }: { task: string; target: string },
): Promise<void> {
  const files = await openIndexAt(linked, target);
  await hard(linked, files, target);
  // Folders without files, too; mostly there is nothing.
  if ((await listed(files, NEW_THERE)).length > 0) await clean(linked, files, task);
  const rest = await listed(files, ['--others', '--modified', '--deleted', '--exclude-standard']);
  if (rest.length === 0) return;
  const named = rest.slice(0, 5).join(', ');
  throw new RasenError('git', `${linked.path} could not be rolled back: ${named} differ`, {
    hint: 'See whether a program still writes there, or a git filter changes files.',
    data: { left: rest },
  });
}

const NEW_THERE = ['--others', '--directory', '--exclude-standard'];

/** Removes what git does not know in the worktree; repositories that were made inside are kept aside. */
async function clean(linked: Workspace, files: Place, task: string): Promise<void> {
  const inside = (await listed(files, ['--others', '--exclude-standard'])).filter(path => path.endsWith('/'));
  const left = inside.map(path => ({ path, why: '' }));
  await keepLeftOut(linked, left, keptFolder(linked.repo, task));
  // Twice -f: also repositories that the attempt made inside. What git cannot remove is removed below.
  await git(['clean', '-ffdq'], { ...files, ok: [0, 1] });
  for (const path of await listed(files, NEW_THERE)) await removeTree(join(linked.path, path));
}

/** Files that git would wait for are part of what goes. */
async function hard(linked: Workspace, place: Place, target: string): Promise<void> {
  const reset = () => git(['reset', '--quiet', '--hard', target], place);
  try {
    await reset();
  } catch (error) {
    if (!isStuck(error)) throw error;
    await mendControlFiles(linked.repo, linked.path, true);
    await reset();
  }
}

/** The last door before work is gone. */
export async function refuseUnsealed(linked: Workspace, unsealed: readonly CommitMarks[]): Promise<void> {
  for (const marks of unsealed) {
    if ((await findCommit(at(linked), attemptRef(marks))) !== null) continue;
    throw new RasenError(
      'git',
      `${linked.path} holds what attempt ${marks.attempt} of ${marks.subtask} left, and no commit does; it stays as it is`,
      {
        hint: `Commit it there, or copy what you need; then go on with: rasen resume ${marks.task}`,
        data: { ...marks },
      },
    );
  }
}

async function listed(place: Place, what: string[]): Promise<string[]> {
  const { stdout } = await git(['ls-files', '-z', ...what], { ...place, reads: true });
  return parts(stdout).slice(0, 1000);
}
