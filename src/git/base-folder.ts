/**
 * The folder that worktrees and checkouts are made in. One inside the project must lie there: a link that a repository
 * brings along, or that an agent puts in its place between two attempts, does not lead us out of it.
 */

import { lstat, mkdir, realpath } from 'node:fs/promises';
import { dirname, sep } from 'node:path';
import { RasenError } from '../contract/errors.ts';
import { throwTrouble, unlessTrouble } from '../host/trouble.ts';
import type { Repository } from './repository.ts';

/**
 * Makes it where it is missing; gives its real path. `before`: where it really was when the task was begun, which stays
 * right. Throws `git` for a link out of the project or into git's own folder.
 */
export async function baseFolder(
  repo: Pick<Repository, 'root' | 'common_dir' | 'git_dir'>,
  folder: string,
  before: string | null,
): Promise<string> {
  const root = await realpath(repo.root);
  const isInProject = [repo.root, root].some(top => folder === top || folder.startsWith(top + sep));
  if (isInProject) {
    const real = await realAbove(folder);
    const isThere = real === root || real.startsWith(root + sep);
    const isGits = [repo.common_dir, repo.git_dir].some(dir => real === dir || real.startsWith(dir + sep));
    if ((!isThere || isGits) && real !== before) {
      throw new RasenError('git', `${folder} is a link that leads to ${real}, where no worktree is made`, {
        hint: 'Remove the link, or name the folder itself as worktree.base_path in rasen.yml and make the task again.',
        data: { path: folder, real },
      });
    }
  }
  await mkdir(folder, { recursive: true });
  return await realpath(folder);
}

/** Real path of the folder, or of the nearest one above that exists. */
async function realAbove(folder: string): Promise<string> {
  for (let path = folder; ; path = dirname(path)) {
    if ((await lstat(path).catch(unlessTrouble(null))) === null && dirname(path) !== path) continue;
    return await realpath(path).catch(error => {
      throwTrouble(error);
      throw new RasenError('git', `${path} is a link that leads nowhere`, {
        hint: 'Remove it, or make the folder that it names.',
        data: { path },
      });
    });
  }
}
