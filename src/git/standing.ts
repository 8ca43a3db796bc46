/**
 * How the work of a task stands: its branch, its refs, the files of its worktree. Looked at before and after somebody
 * who has no business there, so that whatever was done to it can be found and put right.
 */

import { lookInto, mendTheirs } from './carry.ts';
import { syncCommits } from './durable-objects.ts';
import { committerEnv } from './identity.ts';
import { withRepositoryLock } from './lock.ts';
import { dropOwnIndex } from './own-index.ts';
import { baseRef, keepCommit, listTaskRefs } from './refs.ts';
import { findCommit, here, type Repository } from './repository.ts';
import { resetWorktree } from './reset.ts';
import { git } from './run.ts';
import { takeSnapshot } from './snapshot.ts';
import { mendAdmin, soundStore } from './sound.ts';
import { at, isClone, pointer, type Workspace } from './workspace.ts';
import { workspaceAt } from './workspaces.ts';

export interface Standing {
  /** Tip of the task's branch. */
  tip: string;
  /** What the worktree is on: a full ref, or a commit. */
  head: string;
  /** Of the files in the worktree, committed or not. */
  tree: string;
  refs: Record<string, string>;
}

/** The worktree of a task, as its journal says. */
export interface TaskWorktree {
  task: string;
  path: string;
  branch: string;
}

/** null where there is no sound worktree; then there is nothing to look after. */
export function standingOf(repo: Repository, worktree: TaskWorktree): Promise<Standing | null> {
  return withRepositoryLock(repo, async () => {
    await soundStore(repo, worktree.task);
    const linked = await workspaceAt(repo, worktree.path);
    return linked && (await look(linked, worktree));
  });
}

/**
 * Puts right what is not as it was, and says what that was; an empty list: nothing. What was put there is kept as refs
 * of the task for people to look at.
 */
export async function putRight(
  repo: Repository,
  worktree: TaskWorktree,
  before: Standing,
): Promise<string[]> {
  const linked = await workspaceAt(repo, worktree.path);
  if (linked === null) return ['the worktree is not whole any more'];
  const changed = await withRepositoryLock(repo, async () => {
    await soundStore(repo, worktree.task);
    const after = await look(linked, worktree);
    const wrong = differences(worktree, before, after);
    if (wrong.length === 0) return wrong;
    await restoreRefs(repo, worktree.task, before.refs, after.refs);
    if (after.tree !== before.tree) await keepFiles(linked, worktree.task, after);
    return wrong;
  });
  // Keeps the commits that the branch was moved to; the files were kept above.
  if (changed.length > 0) await resetWorktree(repo, worktree, before.tip, []);
  return changed;
}

async function look(linked: Workspace, { task, branch }: TaskWorktree): Promise<Standing> {
  const { repo } = linked;
  await mendAdmin(linked);
  const { symbolic, commit } = await headOf(linked);
  const tip = (await findCommit(here(repo), `refs/heads/${branch}`)) ?? '';
  const { tree } = await takeSnapshot(linked, tip || baseRef(task));
  await dropOwnIndex(linked);
  const refs = Object.fromEntries((await listTaskRefs(repo, task)).map(ref => [ref.ref, ref.commit]));
  return { tip, head: symbolic || commit || '', tree, refs };
}

async function headOf(workspace: Workspace): Promise<{ symbolic: string | null; commit: string | null }> {
  if (!isClone(workspace)) {
    const symbolic = pointer(workspace.admin, 'HEAD', /^ref: (.+)$/);
    return { symbolic, commit: await findCommit(at(workspace), 'HEAD') };
  }
  await mendTheirs(workspace);
  const { symbolic, head } = await lookInto(workspace);
  return { symbolic: symbolic && `${symbolic} at ${head}`, commit: head };
}

function differences({ branch, path }: TaskWorktree, before: Standing, after: Standing): string[] {
  const names = [...new Set([...Object.keys(before.refs), ...Object.keys(after.refs)])];
  const refs = names.filter(name => before.refs[name] !== after.refs[name]);
  return [
    ...(after.tree === before.tree ? [] : [`files in ${path}`]),
    ...(after.tip === before.tip ? [] : [`the branch ${branch}`]),
    ...(after.head === before.head ? [] : [`HEAD of ${path}`]),
    ...refs.slice(0, 5),
  ];
}

async function restoreRefs(
  repo: Repository,
  task: string,
  before: Readonly<Record<string, string>>,
  after: Readonly<Record<string, string>>,
): Promise<void> {
  for (const [ref, commit] of Object.entries(after)) {
    if (before[ref] === commit) continue;
    const moves =
      before[ref] === undefined ? `delete ${ref} ${commit}\n` : `update ${ref} ${before[ref]} ${commit}\n`;
    await git(['update-ref', '--stdin'], { ...here(repo), input: moves });
    await keepCommit(here(repo), task, commit);
  }
  for (const [ref, commit] of Object.entries(before))
    if (after[ref] === undefined)
      await git(['update-ref', '--stdin'], { ...here(repo), input: `create ${ref} ${commit}\n` });
}

/** What is in the files and in no commit. */
async function keepFiles(linked: Workspace, task: string, { tree, tip }: Standing): Promise<void> {
  const place = at(linked);
  const parent = (await findCommit(place, 'HEAD')) ?? tip;
  const made = await git(['commit-tree', tree, '-p', parent], {
    ...place,
    env: { ...place.env, ...committerEnv(place) },
    input: `wip: put into the worktree while it was judged\n\nRasen-Task: ${task}\n`,
  });
  const commit = made.stdout.trim();
  await syncCommits(place, { from: parent, to: commit });
  await keepCommit(place, task, commit);
}
