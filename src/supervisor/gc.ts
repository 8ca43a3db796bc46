/** daemon.gc: removes tasks that ended long ago, with worktrees and refs. Commits that were never merged are kept. */
import { execFile } from 'node:child_process';
import { isRasenError, messageOf } from '../errors.ts';
import { deleteTaskRefs } from '../git/history.ts';
import { removeWorktree } from '../git/worktree.ts';
import { troubleOf } from '../host/trouble.ts';
import type { Store } from '../store/store.ts';
import type { TaskState } from '../task/state.ts';
import { isTerminal } from '../task/status.ts';
import { repositoryOf } from './effects/repository.ts';
import type { Places } from './places.ts';
import type { Entry, Registry } from './registry.ts';

const DAY_MS = 86_400_000;
const SIZE_MS_MAX = 60_000;

export interface GcParams {
  older_than_days: number;
  unmerged: boolean;
  dry_run: boolean;
}

export async function gc(parts: { registry: Registry; store: Store; places: Places }, params: GcParams) {
  const { registry, store } = parts;
  const removed: { id: string; name: string; bytes: number }[] = [];
  const kept: { id: string; name: string; reason: string }[] = [];
  for (const entry of [...registry.all()]) {
    await registry.exclusive(entry, async () => {
      const state = registry.stateOf(entry);
      const reason = keepReason(state, params);
      if (reason) {
        if (isTerminal(state.status)) kept.push({ id: entry.id, name: entry.name, reason });
        return;
      }
      const bytes = await sizeOf(store.files(entry.id).folder);
      if (!params.dry_run) {
        const problem = await removeFromGit(parts, state);
        if (problem) {
          kept.push({ id: entry.id, name: entry.name, reason: problem });
          return;
        }
        registry.forget(entry as Entry);
      }
      removed.push({ id: entry.id, name: entry.name, bytes });
    });
  }
  return { removed, kept };
}

function keepReason(state: TaskState, params: GcParams): string | null {
  if (!isTerminal(state.status) || state.merge) return `it is ${state.status.name}`;
  const age = (Date.now() - Date.parse(state.ended_at ?? state.updated_at)) / DAY_MS;
  if (age < params.older_than_days) return `it ended ${age < 1 ? 'today' : `${Math.floor(age)} days ago`}`;
  if (state.unsealed.length > 0 && !params.unmerged)
    return 'its worktree holds work that is in no commit (--unmerged removes it all the same)';
  if (state.good.length > 0 && !state.merged && !params.unmerged)
    return 'its commits were never merged (--unmerged removes it all the same)';
  return null;
}

/** Worktree, branch refs and records of the task; null, or why they could not be removed. */
async function removeFromGit(
  parts: { store: Store; places: Places },
  state: TaskState,
): Promise<string | null> {
  if (!state.workspace) return null;
  try {
    const repo = await repositoryOf(parts, state);
    await removeWorktree(repo, state.workspace.path).catch(error => {
      // What is no worktree any more needs no removal; what cannot be removed now stays whole.
      if (!isRasenError(error) || troubleOf(error)) throw error;
    });
    await deleteTaskRefs(repo, state.id);
    return null;
  } catch (error) {
    // The repository itself is gone: nothing is left to remove there.
    return isRasenError(error) && error.kind === 'not_git' ? null : `git: ${messageOf(error)}`;
  }
}

/** On the disk, in bytes; by a program, since nobody knows how many files an agent has left. 0: it cannot say. */
function sizeOf(path: string): Promise<number> {
  return new Promise(resolve => {
    const options = { timeout: SIZE_MS_MAX, killSignal: 'SIGKILL', maxBuffer: 64 * 1024 } as const;
    // What it cannot look at is told of, and is not in the sum.
    execFile('du', ['-sk', '--', path], options, (_, sum) => resolve((Number.parseInt(sum, 10) || 0) * 1024));
  });
}
