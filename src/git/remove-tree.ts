/**
 * Removal of folders in and beside a repository. Who calls it has made the path itself, never read it from a file. What is
 * removed is what is there under that name and nothing else (host/remove-tree.ts); what must stay is refused.
 */
import { chmod, lstat, readdir, realpath, unlink } from 'node:fs/promises';
import { dirname, join, sep } from 'node:path';
import { errnoOf, RasenError } from '../contract/errors.ts';
import { mountIn, removeTree as removeHere } from '../host/remove-tree.ts';
import { ownHome } from '../host/user.ts';

/** Stays, whatever is asked: these and everything above them. */
export interface Keep {
  keep?: readonly string[];
}

/**
 * Removes a file, link or folder with all in it, also where folders were made read-only (module caches do that).
 * Nothing there is fine. Throws `git`, and removes nothing, for a path that leads through a link, that a file system is
 * mounted on or below, or that holds the user's home or one of `keep`.
 */
export async function removeTree(path: string, { keep = [] }: Keep = {}): Promise<void> {
  const found = await lstat(path).catch(error => {
    if (errnoOf(error) === 'ENOENT' || errnoOf(error) === 'ENOTDIR') return null;
    throw error;
  });
  if (found === null) return;
  if ((await realpath(dirname(path))) !== dirname(path)) throw refused(path, 'is behind a link');
  if (!found.isDirectory()) return await unlink(path);
  const kept = [ownHome(), ...keep].find(place => place === path || place.startsWith(path + sep));
  if (kept !== undefined || dirname(path) === path) throw refused(path, `holds ${kept ?? 'everything'}`);
  await refuseMounts(path);
  if ((await removeHere(path)) === null) return;
  await openFolders(path);
  const problem = await removeHere(path);
  if (problem === null) return;
  throw new RasenError('git', `${path} could not be removed: ${problem}`, {
    hint: 'See who may write there, or remove it yourself, and go on.',
    data: { path },
  });
}

/** Throws `git` where something is mounted at or below a folder that is to be emptied. */
export async function refuseMounts(path: string): Promise<void> {
  const mount = await mountIn(path);
  if (mount !== null) throw refused(path, `has a file system mounted on ${mount}`);
}

function refused(path: string, problem: string): RasenError {
  return new RasenError('git', `${path} is not removed or emptied: it ${problem}`, {
    hint: 'Look at it, put it right or remove it yourself, and go on.',
    data: { path },
  });
}

async function openFolders(path: string): Promise<void> {
  const found = await lstat(path).catch(() => null);
  if (!found?.isDirectory()) return;
  await chmod(path, 0o700).catch(() => {});
  for (const entry of await readdir(path, { withFileTypes: true })) {
    if (entry.isDirectory()) await openFolders(join(path, entry.name));
  }
}
