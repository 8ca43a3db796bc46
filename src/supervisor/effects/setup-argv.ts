/** The command of `setup` in one checkout: as it was written, or with the cache around it (setup-script.ts). */
import { join } from 'node:path';
import type { TaskState } from '../../engine/state.ts';
import { folderOf } from '../../engine/working-folder.ts';
import { blobsOf } from '../../git/blobs.ts';
import type { Repository } from '../../git/repository.ts';
import { keepFolder } from '../../host/foreign-file.ts';
import { storage } from '../../runner/small-file.ts';
import type { Wrap } from './sandboxed.ts';
import { setupKey } from './setup-key.ts';
import { SETUP_SCRIPT } from './setup-script.ts';

/**
 * @param commit what the checkout holds. Entries that the user's own commit made are for all tasks of the repository; those
 * of an agent's commit, whose scripts have run in it, are for its task alone.
 * @param wrap puts the command itself, and not what fetches and saves for it, into a sandbox.
 */
export async function setupArgv(
  repo: Repository,
  state: TaskState,
  commit: string,
  wrap: Wrap,
): Promise<string[]> {
  const setup = wrap(state.spec.setup!);
  const paths = state.spec.setup_cache;
  if (paths.length === 0) return setup;
  const below = folderOf(state) === null ? '' : `${folderOf(state)}/`;
  const isCached = (path: string) =>
    paths.some(p => `${path}/`.startsWith(`${below}${p.replace(/\/+$/, '')}/`));
  // What is committed comes with the checkout, and is not taken from elsewhere.
  const committed = await blobsOf(repo, commit, { name: JSON.stringify([below, paths]), is: isCached });
  if (committed.length > 0) return setup;
  const key = await setupKey(repo, state, commit);
  const cache = join(repo.records, 'setup');
  const place = { root: repo.records, path: 'setup' };
  const made = keepFolder(place);
  if (!made.ok) throw storage('to make the folder of what setup made', place, made);
  const [common, own] = [`base-${key}`, `${state.id}-${key}`];
  const save = commit === state.workspace?.base ? common : own;
  return ['sh', '-c', SETUP_SCRIPT, 'setup', cache, `${common} ${own}`, save, paths.join('\n'), ...setup];
}
