/**
 * How the work of a task stands: its branch, its refs, the files of its worktree. Looked at before and after somebody
 * who has no business there, so that whatever was done to it can be found and put right.
 */
import { committerEnv } from './identity.ts';
import { at, type Linked, linkedAt } from './linked.ts';
import { withRepositoryLock } from './lock.ts';
import { readTask, type TaskRecord } from './records.ts';
import { baseRef, keepCommit, listTaskRefs } from './refs.ts';
import type { Repository } from './repository.ts';
import { findCommit } from './repository.ts';
import { resetWorktree } from './reset.ts';
import { git } from './run.ts';
import { dropCopy, takeSnapshot } from './snapshot.ts';

export interface Standing {
  /** Tip of the task's branch. */
  tip: string;
  /** What the worktree is on: a full ref, or a commit. */
  head: string;
  /** Of the files in the worktree, committed or not. */
  tree: string;
  refs: Record<string, string>;
}

/** null where there is no sound worktree; then there is nothing to look after. */
export function standingOf(repo: Repository, task: string): Promise<Standing | null> {
  return withRepositoryLock(repo, async () => {
    const found = await placeOf(repo, task);
    return found && (await look(repo, task, found));
  });
}

/**
 * Puts right what is not as it was, and says what that was; an empty list: nothing. What was put there is kept as refs
 * of the task for people to look at.
 */
export async function putRight(repo: Repository, task: string, before: Standing): Promise<string[]> {
  const found = await placeOf(repo, task);
  if (found === null) return ['the worktree is not whole any more'];
  const changed = await withRepositoryLock(repo, async () => {
    const after = await look(repo, task, found);
    const wrong = differences(found.record, before, after);
    if (wrong.length === 0) return wrong;
    await restoreRefs(repo, task, before.refs, after.refs);
    if (after.tree !== before.tree) await keepFiles(found.linked, task, after);
    return wrong;
  });
  // Keeps the commits that the branch was moved to.
  if (changed.length > 0) await resetWorktree(found.record, before.tip);
  return changed;
}

interface Found {
  record: TaskRecord;
  linked: Linked;
}

async function placeOf(repo: Repository, task: string): Promise<Found | null> {
  const record = await readTask(repo, task);
  const linked = record?.state === 'made' ? await linkedAt(record.path) : null;
  return record && linked && linked.common_dir === repo.common_dir ? { record, linked } : null;
}

async function look(repo: Repository, task: string, { record, linked }: Found): Promise<Standing> {
  const place = at(linked);
  const symbolic = await git(['symbolic-ref', '--quiet', 'HEAD'], { ...place, reads: true, ok: [0, 1, 128] });
  const commit = await findCommit(place.cwd, 'HEAD', place.env);
  const tip = (await findCommit(repo.root, `refs/heads/${record.branch}`)) ?? '';
  const { tree } = await takeSnapshot(linked, commit ?? (tip || baseRef(task)));
  await dropCopy(linked);
  const refs = Object.fromEntries((await listTaskRefs(repo, task)).map(ref => [ref.ref, ref.commit]));
  return { tip, head: symbolic.stdout.trim() || commit || '', tree, refs };
}

function differences({ branch, path }: TaskRecord, before: Standing, after: Standing): string[] {
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
    await git(['update-ref', '--stdin'], { cwd: repo.root, input: moves });
    await keepCommit({ cwd: repo.root }, task, commit);
  }
  for (const [ref, commit] of Object.entries(before))
    if (after[ref] === undefined)
      await git(['update-ref', '--stdin'], { cwd: repo.root, input: `create ${ref} ${commit}\n` });
}

/** What is in the files and in no commit. */
async function keepFiles(linked: Linked, task: string, { tree, tip }: Standing): Promise<void> {
  const place = at(linked);
  const parent = (await findCommit(place.cwd, 'HEAD', place.env)) ?? tip;
  const made = await git(['commit-tree', tree, '-p', parent], {
    cwd: place.cwd,
    env: { ...place.env, ...(await committerEnv(place)) },
    input: `wip: put into the worktree while it was judged\n\nRasen-Task: ${task}\n`,
  });
  await keepCommit(place, task, made.stdout.trim());
}
