/**
 * Removes a folder that others can write with all that is in it: by a program, so that a million files hold up nobody,
 * and not where something is mounted in it, which would be emptied with it. Who calls it has made the path itself, never
 * read it from a file; what is removed is what is there under that name and nothing else.
 */

import { execFile } from 'node:child_process';
import { chmod, lstat, readdir, readFile, realpath, rmdir, unlink } from 'node:fs/promises';
import { dirname, join, sep } from 'node:path';
import { errnoOf, messageOf, RasenError } from '../contract/errors.ts';
import { unlessTrouble } from './trouble.ts';
import { ownHome } from './user.ts';

const REMOVE_MS_MAX = 120_000;

/**
 * Why it is still there, for people; null: it is gone, also where folders were made read-only. Most folders are empty, and
 * cost no program.
 */
export async function tryToRemove(path: string): Promise<string | null> {
  try {
    await rmdir(path);
    return null;
  } catch (error) {
    const errno = errnoOf(error);
    if (errno === 'ENOENT') return null;
    if (errno === 'ENOTDIR') return await unlink(path).then(() => null, messageOf);
    if (errno !== 'ENOTEMPTY' && errno !== 'EEXIST') return messageOf(error);
  }
  const mounted = await mountIn(path);
  if (mounted !== null) return `a file system is mounted at ${mounted}`;
  if ((await rm(path)) === null) return null;
  // Folders that were made read-only, as module caches do.
  await openFolders(path);
  return await rm(path);
}

function rm(path: string): Promise<string | null> {
  return new Promise(resolve => {
    const options = { timeout: REMOVE_MS_MAX, killSignal: 'SIGKILL', maxBuffer: 64 * 1024 } as const;
    execFile('rm', ['-rf', '--', path], options, (error, _, complaint) => {
      if (error === null) resolve(null);
      else if (error.killed) resolve(`it was not removed within ${REMOVE_MS_MAX / 1000} s`);
      else resolve(complaint.split('\n')[0] || error.message);
    });
  });
}

/** Removes a folder where nothing is in it. */
export async function removeEmpty(path: string): Promise<void> {
  await rmdir(path).catch(() => {});
}

/** Where something is mounted, at the path or below it. Linux; elsewhere nobody can mount without being asked. */
export async function mountIn(path: string): Promise<string | null> {
  const mounts = await readFile('/proc/self/mountinfo', 'utf8').catch(unlessTrouble(''));
  for (const line of mounts.split('\n')) {
    const point = line
      .split(' ')[4]
      ?.replaceAll(/\\(\d{3})/g, (_, code) => String.fromCharCode(Number.parseInt(code, 8)));
    if (point === path || point?.startsWith(`${path}/`)) return point;
  }
  return null;
}

/** Stays, whatever is asked: these and everything above them. */
export interface Keep {
  keep?: readonly string[];
}

/**
 * As tryToRemove, for what is in or beside a repository. Nothing there is fine. Throws `git`, and removes nothing, for a path that leads through a link, that a file system is
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
  const problem = await tryToRemove(path);
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
