/**
 * Removal of folders that somebody else could write. Who calls it has made the path itself, never read it from a file.
 * What is removed is what is there under that name and nothing else: no link is followed, no mount point is crossed.
 */
import { execFile } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { chmod, lstat, readdir, realpath, unlink } from 'node:fs/promises';
import { homedir } from 'node:os';
import { basename, dirname, join, sep } from 'node:path';
import { errnoOf, RasenError } from '../errors.ts';
import { REMOVAL_TIMEOUT_MS } from './limits.ts';

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
  const kept = [homedir(), ...keep].find(place => place === path || place.startsWith(path + sep));
  if (kept !== undefined || dirname(path) === path) throw refused(path, `holds ${kept ?? 'everything'}`);
  const mount = mountsIn(path)[0];
  if (mount !== undefined) throw refused(path, `has a file system mounted on ${mount}`);
  if ((await removal(path)) === null) return;
  await openFolders(path);
  const problem = await removal(path);
  if (problem === null) return;
  throw new RasenError('git', `${path} could not be removed: ${problem}`, {
    hint: 'See who may write there, or remove it yourself, and go on.',
    data: { path },
  });
}

function refused(path: string, problem: string): RasenError {
  return new RasenError('git', `${path} is not removed: it ${problem}`, {
    hint: 'Look at it, put it right or remove it yourself, and go on.',
    data: { path },
  });
}

/** Where file systems are mounted at or below a folder. Linux only; elsewhere `rm -x` keeps to one file system. */
export function mountsIn(path: string, mounts = mountTable()): string[] {
  return mounts.filter(mount => mount === path || mount.startsWith(path + sep));
}

function mountTable(): string[] {
  try {
    return readFileSync('/proc/self/mountinfo', 'utf8')
      .split('\n')
      .flatMap(line => line.split(' ')[4] ?? [])
      .map(point =>
        point.replace(/\\([0-7]{3})/g, (_, code) => String.fromCharCode(Number.parseInt(code, 8))),
      );
  } catch {
    return [];
  }
}

/** null when nothing is left. `rm` walks by descriptors, so that no link can be put in its way meanwhile. */
async function removal(path: string): Promise<string | null> {
  const stay = process.platform === 'darwin' ? '-x' : '--one-file-system';
  let said = await remove(path, ['-rf', stay]);
  // A small `rm` (busybox) has no such option.
  if (/unrecognized option|illegal option/.test(said)) said = await remove(path, ['-rf']);
  if ((await lstat(path).catch(() => null)) === null) return null;
  return said.trim().split('\n').at(-1) || 'something is left';
}

/** What it complained about. */
function remove(path: string, flags: string[]): Promise<string> {
  const options = {
    ...{ cwd: dirname(path), timeout: REMOVAL_TIMEOUT_MS },
    env: { PATH: process.env.PATH, LC_ALL: 'C' },
  };
  return new Promise(resolve => {
    execFile('rm', [...flags, '--', `./${basename(path)}`], options, (error, _stdout, stderr) =>
      resolve(stderr || (error?.message ?? '')),
    );
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
