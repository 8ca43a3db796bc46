/**
 * Files that steer git and that an agent can write: refs, what is in git's folder of a worktree, attributes and ignore
 * patterns. git opens them without a second thought, and waits for ever where one is a FIFO. They are looked at before
 * git runs; what holds no data is put out of its way, anything else is an error that names the file.
 */

import { execFile } from 'node:child_process';
import { type Dirent, lstatSync, readdirSync, type Stats } from 'node:fs';
import { mkdir, rename, rm } from 'node:fs/promises';
import { join, relative } from 'node:path';
import { promisify } from 'node:util';
import { errnoOf, RasenError } from '../contract/errors.ts';
import { type ForeignFailure, foreignError, statForeign, untroubled } from '../host/foreign-file.ts';
import { throwTrouble } from '../host/trouble.ts';
import { MAX_CONTROL_BYTES, MAX_SMALL_BYTES, SEARCH_TIMEOUT_MS } from './limits.ts';
import type { Repository } from './repository.ts';

/** In any folder of a worktree. */
const CONTROL_FILES = ['.gitattributes', '.gitignore', '.gitmodules'];

/** Where it is the machine that is in trouble, its error is the cause. */
export function problemOf(root: string, path: string, found: ForeignFailure): RasenError {
  return notOrdinary(join(root, path), found.problem, foreignError({ root, path }, found));
}

function notOrdinary(path: string, problem: string, cause?: Error): RasenError {
  return new RasenError('git', `${path} ${problem}`, {
    hint: 'git expects an ordinary file or folder there. Look at it, remove it, and resume the task.',
    data: { path },
    cause,
  });
}

/** Throws `git` when the file of the ref is none, is too large for one, or is reached through a link. */
export function soundRef(repo: Pick<Repository, 'refs'>, ref: string): void {
  // Only what has a file of its own: a ref may be packed, or be deep below a folder that is not there.
  for (const file of [{ root: repo.refs, path: ref.slice('refs/'.length) }]) {
    const found = untroubled(file, statForeign(file));
    if (found.ok) {
      // A folder is where a branch was and others are now; git says so.
      if (!found.value.isFile() && !found.value.isDirectory())
        throw notOrdinary(join(file.root, file.path), kindOf(found.value));
      if (found.value.isFile() && found.value.size > MAX_SMALL_BYTES)
        throw notOrdinary(join(file.root, file.path), 'is too large for a ref');
    } else if (found.fault === 'outside') {
      throw problemOf(file.root, file.path, found);
    }
  }
}

/**
 * Looks at what all worktrees share: the object store, packed refs and the refs of the task. Special files that hold
 * nothing are moved to `<common dir>/rasen/broken`; a link where git would write through it is an error.
 */
export async function soundStore(repo: Repository, task: string | null): Promise<void> {
  const { common_dir, objects, refs } = repo;
  for (const entry of entriesOf(objects)) {
    if (/^[0-9a-f]{2}$|^pack$|^info$/.test(entry.name) && !entry.isDirectory())
      throw notOrdinary(
        join(objects, entry.name),
        entry.isSymbolicLink() ? 'is a symbolic link' : 'is no folder',
      );
  }
  const folders = [join(objects, 'pack'), join(objects, 'info')];
  for (const folder of folders) {
    for (const entry of entriesOf(folder))
      if (isSpecial(entry)) await putAside(repo, join(folder, entry.name));
  }
  const look = (path: string) =>
    untroubled({ root: common_dir, path }, statForeign({ root: common_dir, path }));
  const packed = look('packed-refs');
  if (packed.ok && !packed.value.isFile())
    throw notOrdinary(join(common_dir, 'packed-refs'), kindOf(packed.value));
  const logs = look('logs/refs/heads');
  if (!logs.ok && logs.fault === 'outside') throw problemOf(common_dir, 'logs/refs', logs);
  const own = [join(refs, 'heads', 'rasen'), ...(task === null ? [] : [join(refs, 'rasen', task)])];
  for (const folder of own) await soundRefFolder(repo, folder);
}

async function soundRefFolder(repo: Repository, folder: string): Promise<void> {
  const found = statForeign({ root: repo.refs, path: relative(repo.refs, folder) });
  if (!found.ok) {
    if (found.fault === 'missing') return;
    throw problemOf(repo.refs, relative(repo.refs, folder), found);
  }
  if (found.value.isSymbolicLink()) throw notOrdinary(folder, 'is a symbolic link');
  if (!found.value.isDirectory()) return;
  for (const entry of entriesOf(folder)) {
    const path = join(folder, entry.name);
    if (entry.isDirectory()) await soundRefFolder(repo, path);
    else if (!entry.isFile()) await putAside(repo, path);
  }
}

interface GitFolders {
  common_dir: string;
  admin: string;
  theirs: string;
}

/** Files in git's folder of a worktree that git reads or writes as a whole, and none of which holds anybody's work. */
const ADMIN_FOLDERS = ['', 'info', 'logs', 'refs'];

/**
 * Puts what is no ordinary file in git's folder of a worktree out of git's way. The result says what that was, for
 * people, with names as in that folder.
 */
export async function mendAdmin({ common_dir, admin, theirs }: GitFolders): Promise<string[]> {
  const said: string[] = [];
  // Of a clone it is its own.
  const repo = { common_dir: admin === theirs ? common_dir : theirs };
  for (const folder of ADMIN_FOLDERS) {
    const place = join(theirs, folder);
    if (folder !== '' && !isFolder(place)) {
      if (exists(place)) {
        said.push(`${folder} in git's folder of the worktree ${kindOf(lstatSync(place))}`);
        await putAside(repo, place);
      }
      continue;
    }
    for (const entry of entriesOf(place)) {
      const path = join(place, entry.name);
      const name = join(folder, entry.name);
      const wrong =
        (!entry.isFile() && !entry.isDirectory()) ||
        (entry.isDirectory() && /^(?:HEAD|index|commondir|gitdir|[A-Z]+_HEAD)$/.test(name));
      if (wrong) said.push(`${name} in git's folder of the worktree ${kindOf(lstatSync(path))}`);
      else if (!isTooLarge(path, name)) continue;
      else said.push(`${name} in git's folder of the worktree is too large`);
      await putAside(repo, path);
    }
  }
  return said;
}

function isTooLarge(path: string, name: string): boolean {
  if (!/^(?:HEAD|commondir|gitdir|[A-Z]+_HEAD|config\.worktree)$/.test(name)) return false;
  const found = lstatSync(path, { throwIfNoEntry: false });
  return found !== undefined && found.size > MAX_SMALL_BYTES;
}

/**
 * Takes special files of git's names out of a worktree: no commit holds them, nothing is in them, and git waits for
 * them. Looks at the top always, and at all folders where `deep` says so. The result says what was found. Throws `git`
 * for a file that is too large to be read as patterns.
 */
export async function mendControlFiles(repo: Repository, worktree: string, deep: boolean): Promise<string[]> {
  const found = deep ? await search(worktree) : CONTROL_FILES.map(name => join(worktree, name));
  const said: string[] = [];
  for (const path of found) {
    const stat = lstatSync(path, { throwIfNoEntry: false });
    if (stat === undefined || stat.isDirectory() || stat.isSymbolicLink()) continue;
    if (!stat.isFile()) {
      said.push(`${relative(worktree, path)} ${kindOf(stat)}`);
      await putAside(repo, path);
    } else if (stat.size > MAX_CONTROL_BYTES) {
      throw notOrdinary(path, `has ${stat.size} bytes, too many for patterns`);
    }
  }
  return said;
}

/** The first special file of git's names in a worktree, as a sentence; null when there is none. */
export async function specialIn(worktree: string): Promise<string | null> {
  for (const path of await search(worktree)) {
    const stat = lstatSync(path, { throwIfNoEntry: false });
    if (stat && !stat.isFile() && !stat.isDirectory() && !stat.isSymbolicLink())
      return `${path} ${kindOf(stat)}`;
  }
  return null;
}

/** Paths of special or huge files with git's names. A program of the system looks: it is fast, and it cannot hang us. */
async function search(worktree: string): Promise<string[]> {
  const names = CONTROL_FILES.flatMap((name, i) => (i === 0 ? ['-name', name] : ['-o', '-name', name]));
  const odd = ['(', '!', '-type', 'f', '-o', '-size', `+${Math.floor(MAX_CONTROL_BYTES / 512)}`, ')'];
  const args = [worktree, '-xdev', '(', ...names, ')', ...odd, '-print0'];
  const options = { timeout: SEARCH_TIMEOUT_MS, maxBuffer: 1024 * 1024 };
  const { stdout } = await promisify(execFile)('find', args, options).catch(error => ({
    // Folders that may not be read make it fail, after it has said what it found.
    stdout: String((error as { stdout?: unknown }).stdout ?? ''),
  }));
  return stdout.split('\0').filter(path => path !== '');
}

/** Removes what holds nothing (a FIFO, a socket, a device); moves anything else out of git's sight. */
export async function putAside(repo: { common_dir: string }, path: string): Promise<void> {
  const stat = lstatSync(path, { throwIfNoEntry: false });
  if (stat === undefined) return;
  if (!stat.isFile() && !stat.isDirectory() && !stat.isSymbolicLink()) return await rm(path, { force: true });
  const name = relative(repo.common_dir, path).replaceAll(/[^A-Za-z0-9.-]/g, '_');
  await rename(path, await brokenPlace(repo, `${name.slice(-100)}-${Date.now()}`));
}

/** A place in `<common dir>/rasen/broken`, for what is moved out of git's sight: on the file system that it is on. */
export async function brokenPlace(repo: { common_dir: string }, name: string): Promise<string> {
  let folder = repo.common_dir;
  for (const part of ['rasen', 'broken']) {
    folder = join(folder, part);
    await ownFolder(folder);
  }
  return join(folder, name);
}

/** A folder of ours in the repository. Whatever else is there under its name, a link above all, is moved beside it. */
export async function ownFolder(path: string): Promise<void> {
  const found = lstatSync(path, { throwIfNoEntry: false });
  if (found?.isDirectory()) return;
  if (found !== undefined) await rename(path, `${path}.aside-${Date.now()}`);
  await mkdir(path).catch(error => {
    if (errnoOf(error) !== 'EEXIST') throw error;
  });
}

function entriesOf(folder: string): Dirent[] {
  try {
    return readdirSync(folder, { withFileTypes: true });
  } catch (error) {
    throwTrouble(error);
    return [];
  }
}

const isSpecial = (entry: Dirent) => !entry.isFile() && !entry.isDirectory() && !entry.isSymbolicLink();
const exists = (path: string) => lstatSync(path, { throwIfNoEntry: false }) !== undefined;
export const isFolder = (path: string) => lstatSync(path, { throwIfNoEntry: false })?.isDirectory() ?? false;

export function kindOf(stat: Stats): string {
  if (stat.isFIFO()) return 'is a FIFO';
  if (stat.isSocket()) return 'is a socket';
  if (stat.isDirectory()) return 'is a folder';
  if (stat.isSymbolicLink()) return 'is a symbolic link';
  return stat.isFile() ? 'is a file' : 'is a device';
}
