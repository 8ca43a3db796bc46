/** The key of what `setup` reads at a commit: the same key, the same lock files. See engine/setup.ts for what it is for. */
import { createHash } from 'node:crypto';
import { setupInputs } from '../../engine/setup-inputs.ts';
import type { TaskState } from '../../engine/state.ts';
import { folderOf } from '../../engine/working-folder.ts';
import { blobsOf } from '../../git/blobs.ts';
import type { Repository } from '../../git/repository.ts';

/** undefined: the task has nothing to set up. Errors: `git`. */
export async function setupKey(
  repo: Repository,
  state: TaskState,
  commit: string,
): Promise<string | undefined> {
  const { setup } = state.spec;
  if (setup === null) return undefined;
  const folder = folderOf(state) ?? '';
  const wanted = { name: JSON.stringify([setup, folder]), is: setupInputs(setup, folder) };
  const read = await blobsOf(repo, commit, wanted);
  return createHash('sha256')
    .update(JSON.stringify([setup, folder, read]))
    .digest('hex')
    .slice(0, 32);
}
