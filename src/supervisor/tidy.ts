/** Removes the checkouts that a finished task needs no more. Its commits and, until it is merged, its worktree stay. */

import type { Event } from '../contract/event.ts';
import { isTerminal } from '../contract/status.ts';
import type { TaskState } from '../engine/state.ts';
import { removeWorktree } from '../git/worktree.ts';
import { tryToRemove } from '../host/remove-tree.ts';
import type { LocalStore } from '../store/store.ts';
import { repositoryOf } from './effects/repository.ts';
import type { Places } from './places.ts';

const CHECKOUTS = ['final', 'base-config', 'base-tests', 'mutation', 'reviewer', 'qa'] as const;

/** Whether these events are the moment to tidy up. */
export function isTidyTime(state: TaskState, events: readonly Event[]): boolean {
  if (!isTerminal(state.status) || state.merge) return false;
  return events.some(
    e =>
      e.type === 'task_completed' ||
      e.type === 'task_failed' ||
      e.type === 'task_cancelled' ||
      e.type === 'merged',
  );
}

/** Best effort: what cannot be removed now is removed by `rasen gc`. */
export async function tidy(
  { store, places }: { store: LocalStore; places: Places },
  state: TaskState,
): Promise<void> {
  await tryToRemove(places.results(state.id));
  if (state.spec.workspace.kind !== 'git') return;
  const repo = await repositoryOf({ store, places }, state);
  const paths = CHECKOUTS.map(purpose => places.checkout(state, purpose));
  if (state.merged && state.workspace && state.unsealed.length === 0) paths.push(state.workspace.path);
  for (const path of paths) await removeWorktree(repo, path).catch(() => {});
}
