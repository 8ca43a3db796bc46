/** A checkout of ours has no files of submodules, as `git worktree add` has none: who needs them says so, in `setup`. */
import type { TaskSpec } from '../contract/spec.ts';
import type { FarFiles } from '../host/far-files.ts';

/** In words, where nothing makes them. `root`: the top of the user's checkout; null: it is not known. */
export async function emptySubmodules(
  spec: TaskSpec,
  root: string | null,
  far: Pick<FarFiles, 'files'>,
): Promise<string[]> {
  if (spec.workspace.kind !== 'git' || spec.setup !== null || root === null) return [];
  const found = await far.files.look({ root, path: '.gitmodules' });
  if (!found.ok) return [];
  return [
    'submodules of this repository are empty in the task; where agent or gates need them, rasen.yml says: setup: [git, submodule, update, --init, --recursive]',
  ];
}
