/** daemon.gc: removes tasks that ended long ago, with worktrees and refs. Commits that were never merged are kept. */

import { basename, dirname } from 'node:path';
import { isRasenError, messageOf } from '../contract/errors.ts';
import type { Asked } from '../contract/methods/index.ts';
import type { TaskState } from '../engine/state.ts';
import { deleteTaskBranch, onlyCopy } from '../git/forget.ts';
import { deleteTaskRefs } from '../git/history.ts';
import { hasKept } from '../git/records.ts';
import { holdsMore } from '../git/remove.ts';
import { removeWorktree } from '../git/worktree.ts';
import { removeEmpty } from '../host/remove-tree.ts';
import { troubleOf } from '../host/trouble.ts';
import type { LocalStore } from '../store/store.ts';
import { repositoryOf } from './effects/repository.ts';
import type { Places } from './places.ts';
import type { Entry, Registry } from './registry.ts';

const DAY_MS = 86_400_000;
/** As `worktree.base_path` has it by itself; a folder that a user named is the user's. */
const WORKTREES = '.worktrees';

interface Parts {
  registry: Registry;
  store: LocalStore;
  places: Places;
}

export async function gc(parts: Parts, params: Asked<'daemon.gc'>) {
  const { registry, store } = parts;
  const removed: { id: string; name: string; bytes: number }[] = [];
  const kept: { id: string; name: string; reason: string }[] = [];
  for (const entry of [...registry.all()]) {
    const { id, name } = entry;
    const reason = keepReason(entry, params);
    if (reason !== null) {
      if (entry.state === null) kept.push({ id, name, reason });
      continue;
    }
    const bytes = await store.bytes(id);
    const problem = await (params.dry_run ? look : remove)(parts, entry, params.unmerged);
    if (problem) kept.push({ id, name, reason: problem });
    else removed.push({ id, name, bytes });
  }
  for (const { task: id, about, kind, message, hint } of [...registry.damaged]) {
    const name = about.name ?? 'unreadable';
    if (!params.damaged || kind === 'newer') {
      kept.push({ id, name, reason: kind === 'newer' ? hint : `${message} (--damaged removes it)` });
      continue;
    }
    if (!params.dry_run) store.removeDamaged(id);
    removed.push({ id, name, bytes: 0 });
  }
  return { removed, kept };
}

/** Removes a task that is over with what it has in git, and with `unmerged` also work in no commit; null, or why it was kept. */
export function remove(parts: Parts, entry: Entry, unmerged: boolean): Promise<string | null> {
  const { registry } = parts;
  return registry.exclusive(entry, async () => {
    const state = overState(registry, entry);
    if (typeof state === 'string') return state;
    const problem = held(state, unmerged) ?? (await removeFromGit(parts, state, unmerged));
    if (problem === null) registry.forget(entry);
    return problem;
  });
}

/** Why `remove` would keep the task; null: it would go. Changes nothing. */
function look(parts: Parts, entry: Entry, unmerged: boolean): Promise<string | null> {
  return parts.registry.exclusive(entry, async () => {
    const state = overState(parts.registry, entry);
    if (typeof state === 'string') return state;
    const problem = held(state, unmerged);
    if (problem !== null || unmerged || !state.workspace) return problem;
    try {
      const repo = await repositoryOf(parts, state);
      const work = await onlyCopy(repo, forgotten(state, state.workspace));
      if (work !== null) return onlyHere(work);
      if (await hasKept(repo, state.id)) return NO_COMMIT_CAN;
      return (await holdsMore(repo, { task: state.id, path: state.workspace.path })) ? IN_NO_COMMIT : null;
    } catch (error) {
      return gitProblem(error);
    }
  });
}

/** The state of a task that is over; else why it cannot go, in words. */
function overState(registry: Registry, entry: Entry): TaskState | string {
  if (entry.state !== null) return `it is ${entry.state.status.name}`;
  try {
    return registry.stateOf(entry);
  } catch (error) {
    return messageOf(error);
  }
}

const IN_NO_COMMIT = 'its worktree holds work that is in no commit (--unmerged removes it all the same)';
const NO_COMMIT_CAN = 'it left work that no commit can hold (--unmerged removes it all the same)';

/** What its journal knows of. */
function held(state: TaskState, unmerged: boolean): string | null {
  if (unmerged) return null;
  if (state.unsealed.length > 0) return IN_NO_COMMIT;
  return state.left_out?.length ? NO_COMMIT_CAN : null;
}

function keepReason(entry: Entry, params: Asked<'daemon.gc'>): string | null {
  if (entry.state !== null) return `it is ${entry.state.status.name}`;
  const { ended_at, last_activity, commit, merged } = entry.brief!;
  const age = (Date.now() - Date.parse(ended_at ?? last_activity)) / DAY_MS;
  if (age < params.older_than_days) return `it ended ${age < 1 ? 'today' : `${Math.floor(age)} days ago`}`;
  if (commit !== null && !merged && !params.unmerged)
    return 'its commits were never merged (--unmerged removes it all the same)';
  return null;
}

const onlyHere = (commit: string) =>
  `${commit.slice(0, 12)} is in no branch but its own (--unmerged removes it all the same)`;

/** Worktree, branch, refs and records of the task; null, or why they could not be removed. */
async function removeFromGit(
  parts: { store: LocalStore; places: Places },
  state: TaskState,
  unmerged: boolean,
): Promise<string | null> {
  if (!state.workspace) return null;
  const { path } = state.workspace;
  const task = forgotten(state, state.workspace);
  try {
    const repo = await repositoryOf(parts, state);
    const kept = async () => (unmerged ? null : await onlyCopy(repo, task));
    const work = await kept();
    if (work !== null) return onlyHere(work);
    await removeWorktree(repo, path).catch(error => {
      // What is no worktree any more needs no removal; what cannot be removed now stays whole.
      if (!isRasenError(error) || troubleOf(error)) throw error;
    });
    // What was left in the worktree was kept as a commit just now.
    const left = await kept();
    if (left !== null) return onlyHere(left);
    if (!unmerged && (await hasKept(repo, state.id))) return NO_COMMIT_CAN;
    await deleteTaskBranch(repo, task);
    await deleteTaskRefs(repo, state.id);
    // The folder of the worktrees, with the last of them.
    if (basename(dirname(path)) === WORKTREES) await removeEmpty(dirname(path));
    return null;
  } catch (error) {
    return gitProblem(error);
  }
}

const forgotten = (state: TaskState, { branch }: { branch: string }) => ({
  ...{ task: state.id, branch, merged: state.merged !== null },
});

/** null: the repository itself is gone, so nothing is left to remove there. */
const gitProblem = (error: unknown) =>
  isRasenError(error) && error.kind === 'not_git' ? null : `git: ${messageOf(error)}`;
