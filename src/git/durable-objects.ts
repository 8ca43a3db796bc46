/**
 * Makes an agent's commits survive a power cut before a ref or the journal relies on them: git by default leaves new
 * loose objects to the disk's write-back, and the settings of run.ts reach only our own git.
 */
import { dirname, join } from 'node:path';
import { flush } from './durable.ts';
import { MAX_SYNCED_OBJECTS } from './limits.ts';
import type { Place } from './refs.ts';
import { git } from './run.ts';
import { pointer, type Workspace, write } from './workspace.ts';

const AT_ONCE = 16;

export async function syncCommits(place: Place, range: { from: string; to: string }): Promise<void> {
  const { objects } = place.repo;
  const args = ['rev-list', '--objects', '--no-object-names', range.to, `^${range.from}`];
  const { stdout } = await git(args, { ...place, reads: true, cut: true });
  const ids = stdout.split('\n').filter(id => /^[0-9a-f]{40,64}$/.test(id));
  const chosen = ids.slice(0, MAX_SYNCED_OBJECTS);
  for (let i = 0; i < chosen.length; i += AT_ONCE) {
    await Promise.all(
      chosen.slice(i, i + AT_ONCE).map(id => flush(join(objects, id.slice(0, 2), id.slice(2)))),
    );
  }
}

/**
 * The file of a ref in a git dir, where it has one: not packed, not in a table. What the agent's git has written did not
 * wait for the disk, and neither does `git symbolic-ref`; git denies a worktree whose HEAD is empty.
 */
export async function syncRef(git_dir: string, ref: string): Promise<void> {
  const file = join(git_dir, ref);
  await flush(file);
  await flush(dirname(file));
}

/** HEAD of the workspace, as our git has it, names the branch, and on the disk it does. */
export async function headTo(workspace: Workspace, ref: string): Promise<void> {
  // It mostly does already, and a program that has nothing to do costs as much as one that has.
  if (pointer(workspace.admin, 'HEAD', /^ref: (.+)$/) !== ref)
    await write(workspace.admin, 'HEAD', `ref: ${ref}\n`);
  await syncRef(workspace.admin, 'HEAD');
}
