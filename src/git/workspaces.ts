/** The workspaces of a repository, of whichever kind the task has (workspace.ts): found, made, removed. */
import { RasenError } from '../contract/errors.ts';
import { cloneAt, discardClone, makeClone } from './clone.ts';
import { discardLinked, linkedAt, register } from './linked.ts';
import type { Repository } from './repository.ts';
import type { Workspace } from './workspace.ts';

/** null: there is none at this path, or it is damaged. */
export function workspaceAt(repo: Repository, path: string): Promise<Workspace | null> {
  return repo.isolation === 'clone' ? cloneAt(repo, path) : linkedAt(repo, path);
}

/** As workspaceAt, but throws `git` when there is no sound one. */
export async function requireWorkspace(repo: Repository, path: string): Promise<Workspace> {
  const found = await workspaceAt(repo, path);
  if (found !== null) return found;
  const kind = repo.isolation === 'clone' ? 'clone' : 'linked worktree';
  throw new RasenError('git', `${path} is not a sound ${kind}`, {
    hint: 'It is repaired when the task goes on; look into the folder if that does not help.',
    data: { path },
  });
}

/** Nothing is checked out. `head`: a commit, or `ref: ` and the full name of a branch that is there. */
export function makeWorkspace(repo: Repository, path: string, head: string): Promise<Workspace> {
  return repo.isolation === 'clone' ? makeClone(repo, path, head) : register(repo, path, head);
}

/** Removes it, sound, half made or half gone. The caller has judged that it may. */
export function discard(repo: Repository, path: string): Promise<void> {
  return repo.isolation === 'clone' ? discardClone(repo, path) : discardLinked(repo, path);
}
