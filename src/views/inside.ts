/**
 * Paths of views that stay inside their project. The project may hold anything, also links that an agent made: no view
 * is written through a folder or a link that leads out of it.
 */
import { lstat, mkdir, realpath } from 'node:fs/promises';
import { basename, dirname, isAbsolute, join, relative, resolve } from 'node:path';
import { errnoOf, RasenError } from '../errors.ts';

/**
 * The real path of `file` (relative to the project), its folder made where it was missing. Throws `config` when it
 * leads out of the project, and a system error when the project is gone or not writable.
 */
export async function placeInside(project: string, file: string): Promise<string> {
  const root = await realpath(project);
  const target = resolve(root, file);
  if (!isInside(root, target)) throw leaves(project, file);
  const folder = dirname(target);
  const { existing, real } = await deepest(folder);
  if (real !== root && !isInside(root, real)) throw leaves(project, file);
  if (existing !== folder) await mkdir(folder, { recursive: true });
  return join(real, relative(existing, folder), basename(target));
}

/** Throws `config` when the file at `path` is a link to somewhere outside the project. A missing file is fine. */
export async function refuseLink(project: string, path: string): Promise<void> {
  const found = await lstat(path).catch(gone);
  if (!found?.isSymbolicLink()) return;
  const real = await realpath(path).catch(gone);
  if (real && !isInside(await realpath(project), real)) throw leaves(project, path);
}

/** The deepest part of a path that exists, and where it really is. */
async function deepest(path: string): Promise<{ existing: string; real: string }> {
  const real = await realpath(path).catch(gone);
  if (real) return { existing: path, real };
  // A link to nowhere exists, and mkdir would make what it points to.
  if (await lstat(path).catch(gone)) throw leaves(dirname(path), path);
  return deepest(dirname(path));
}

function isInside(root: string, path: string): boolean {
  const way = relative(root, path);
  return way !== '' && way !== '..' && !way.startsWith('../') && !isAbsolute(way);
}

function leaves(project: string, file: string): RasenError {
  return new RasenError('config', `the view ${file} is not written: its path leads out of ${project}`, {
    hint: 'Remove the link, or choose another path under `background` or `memory` in rasen.yml.',
    data: { project, file },
  });
}

/** For catch: null where nothing is there. */
export function gone(error: unknown): null {
  if (errnoOf(error) === 'ENOENT') return null;
  throw error;
}
