/**
 * Makes commits survive a power cut before a ref or the journal relies on them: git by default leaves new loose objects
 * to the disk's write-back. Ours are synced here, too: many at once take a fraction of the time of one after the other.
 */
import { execFile } from 'node:child_process';
import { dirname, join } from 'node:path';
import { promisify } from 'node:util';
import { flush, flushAll } from './durable.ts';
import { MAX_SYNCED_OBJECTS, WRITE_TIMEOUT_MS } from './limits.ts';
import type { Place } from './refs.ts';
import type { Repository } from './repository.ts';
import { git } from './run.ts';
import { pointer, type Workspace, write } from './workspace.ts';

/** The result: the objects of `to` that `from` has not; null: they are more than are synced one by one. */
export async function syncCommits(
  place: Place,
  range: { from: string; to: string },
): Promise<string[] | null> {
  const ids = await newObjects(place, range, MAX_SYNCED_OBJECTS);
  await syncObjects(place.repo, ids);
  return ids;
}

/** Those of the user's store; null: they are more than are synced one by one. What is in a pack was synced by git. */
export async function syncObjects(
  { objects }: Pick<Repository, 'objects'>,
  ids: readonly string[] | null,
): Promise<void> {
  if (ids === null || ids.length > MAX_SYNCED_OBJECTS) return await syncDisk(objects);
  await flushAll(ids.map(id => join(objects, looseFile(id))));
}

/** Where git keeps an object that is in no pack, from the folder of the objects. Throws for what is no id: it would lead elsewhere. */
export function looseFile(id: string): string {
  if (!/^(?:[0-9a-f]{40}|[0-9a-f]{64})$/.test(id))
    throw new Error(`${JSON.stringify(id)} is no id of an object`);
  return join(id.slice(0, 2), id.slice(2));
}

/** The objects of `to` that `from` has not; null: they are more than `max`. */
export async function newObjects(
  place: Place,
  { from, to }: { from: string; to: string },
  max: number,
): Promise<string[] | null> {
  const args = ['rev-list', '--objects', '--no-object-names', to, `^${from}`];
  const { stdout, cut } = await git(args, { ...place, reads: true, cut: true });
  const ids = stdout.split('\n').filter(id => /^[0-9a-f]{40,64}$/.test(id));
  return cut || ids.length > max ? null : ids;
}

/** All that is to be written on the disk of `path`. */
async function syncDisk(path: string): Promise<void> {
  const of = process.platform === 'linux' ? ['-f', path] : [];
  await promisify(execFile)('sync', of, { timeout: WRITE_TIMEOUT_MS });
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
