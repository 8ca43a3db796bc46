/** `.rasen/rasen.log`: a link to the numbered file in use, so that tail, cat, `>` and mv work on it as on a file. */
import { lstat, readlink, rename, rm, symlink } from 'node:fs/promises';
import { dirname, join, relative } from 'node:path';
import { gone } from './inside.ts';

/** `ours`: a link into the folder of the numbered files. */
export async function lookAtLink(path: string, folder: string): Promise<'ours' | 'missing' | 'foreign'> {
  const found = await lstat(path).catch(gone);
  if (!found) return 'missing';
  if (!found.isSymbolicLink()) return 'foreign';
  return (await readlink(path)).startsWith(`${relative(dirname(path), folder)}/rasen.`) ? 'ours' : 'foreign';
}

/** Makes the link point to `name`. What a user put in its place is moved to `<path>.old`. */
export async function pointLink(path: string, folder: string, name: string): Promise<void> {
  const target = relative(dirname(path), join(folder, name));
  const kind = await lookAtLink(path, folder);
  if (kind === 'ours' && (await readlink(path)) === target) return;
  if (kind === 'foreign') await rename(path, `${path}.old`);
  // Made aside and renamed: there is no moment without a link.
  const aside = `${path}.${process.pid}.new`;
  await rm(aside, { force: true });
  await symlink(target, aside);
  await rename(aside, path);
}
