/**
 * Work in a workspace that no commit of it can hold: repositories that were made inside, changes in submodules and commits
 * of theirs that no remote has, files that the plan names and git ignores. It is told, and kept before the workspace goes.
 * A submodule is looked at as the workspace itself is: through a git directory of ours, so nothing in it starts a program.
 */

import { execFile } from 'node:child_process';
import { existsSync, lstatSync } from 'node:fs';
import { mkdir, realpath, rename } from 'node:fs/promises';
import { dirname, join, resolve, sep } from 'node:path';
import { promisify } from 'node:util';
import { errnoOf, isRasenError, messageOf } from '../contract/errors.ts';
import { removeTree } from '../host/remove-tree.ts';
import { unlessTrouble } from '../host/trouble.ts';
import { readerOf } from './carry.ts';
import { MAX_NAMED_PATHS } from './limits.ts';
import type { Place } from './repository.ts';
import { git, parts } from './run.ts';
import { isFolder } from './sound.ts';
import { at, pointer, type Workspace } from './workspace.ts';

export interface LeftOut {
  /** From the top of the workspace; a folder ends with a slash. */
  path: string;
  /** Goes on a sentence that begins with the path. */
  why: string;
}

export interface LeftOutRequest {
  /** With the index that the commit was made from. */
  place: Place;
  /** The commit that the work began from. */
  good: string;
  /** What the snapshot could not take. */
  unreadable: readonly string[];
  /** Files that must be in a commit, by name. */
  wanted: readonly string[];
}

export async function leftOut(workspace: Workspace, request: LeftOutRequest): Promise<LeftOut[]> {
  const found = request.unreadable.map(path => ({
    path,
    why: path.endsWith('/')
      ? 'is a repository of its own, which no commit of this one holds'
      : 'could not be committed',
  }));
  return [...found, ...(await ignored(request)), ...(await inSubmodules(workspace, request))].slice(
    0,
    MAX_NAMED_PATHS,
  );
}

async function ignored({ place, wanted }: LeftOutRequest): Promise<LeftOut[]> {
  if (wanted.length === 0) return [];
  const args = ['ls-files', '--others', '--ignored', '--exclude-standard', '-z', '--', ...wanted];
  const env = { ...place.env, GIT_LITERAL_PATHSPECS: '1' };
  const { stdout } = await git(args, { ...place, env, reads: true });
  return parts(stdout).map(path => ({ path, why: 'is ignored by git, so no commit holds it' }));
}

async function inSubmodules(workspace: Workspace, { place, good }: LeftOutRequest): Promise<LeftOut[]> {
  if (!existsSync(join(workspace.path, '.gitmodules'))) return [];
  const { stdout } = await git(['ls-files', '--stage', '-z'], { ...place, reads: true });
  const links = parts(stdout).filter(line => line.startsWith('160000 '));
  const found: LeftOut[] = [];
  for (const line of links.slice(0, MAX_NAMED_PATHS)) {
    const path = line.slice(line.indexOf('\t') + 1);
    const git_dir = await gitDirOf(workspace, path);
    if (git_dir === null) continue;
    const said = await lookAt(workspace, {
      path,
      git_dir,
      before: await linkAt(workspace, good, path),
    }).catch(error => {
      if (!isRasenError(error)) throw error;
      return `is a submodule that could not be looked into (${messageOf(error).slice(0, 200)})`;
    });
    if (said !== null) found.push({ path: `${path}/`, why: said });
  }
  return found;
}

interface Submodule {
  path: string;
  git_dir: string;
  /** The commit that the workspace had of it before; null: it is new. */
  before: string | null;
}

/** git's folder of a submodule, if it lies in the workspace or in what git has for it; null: there is none. */
async function gitDirOf({ path, theirs }: Workspace, name: string): Promise<string | null> {
  const root = join(path, name);
  const file = join(root, '.git');
  if (isFolder(file)) return file;
  const named = isFolder(root) ? pointer(root, '.git', /^gitdir: (.+)$/) : null;
  const real = named && (await realpath(resolve(root, named)).catch(unlessTrouble(null)));
  if (!real || ![path, theirs].some(place => real.startsWith(place + sep))) return null;
  return isFolder(join(real, 'objects')) && isFolder(join(real, 'refs')) ? real : null;
}

async function linkAt(workspace: Workspace, commit: string, path: string): Promise<string | null> {
  const { stdout } = await git(['ls-tree', '-z', commit, '--', path], { ...at(workspace), reads: true });
  return /^160000 commit ([0-9a-f]+)\t/.exec(stdout)?.[1] ?? null;
}

async function lookAt(workspace: Workspace, { path, git_dir, before }: Submodule): Promise<string | null> {
  const own = await readerOf(workspace.repo, git_dir, join(workspace.repo.own, 'rasen-submodule'));
  const root = join(workspace.path, path);
  const env = { ...workspace.repo.env, GIT_DIR: git_dir, GIT_COMMON_DIR: own, GIT_WORK_TREE: root };
  const place = { cwd: root, env: { ...env, GIT_NO_LAZY_FETCH: '1' }, reads: true };
  const status = [
    'status',
    '--porcelain',
    '-z',
    '--untracked-files=all',
    '--no-renames',
    '--ignore-submodules=dirty',
  ];
  const files = parts((await git(status, place)).stdout).map(line => line.slice(3));
  const known = ['--not', '--remotes', ...(before === null ? [] : [before])];
  const count = await git(['rev-list', '--count', 'HEAD', ...known], { ...place, ok: [0, 128] });
  const commits = count.code === 0 ? Number(count.stdout.trim()) : 0;
  if (files.length === 0 && commits === 0) return null;
  const named = files.slice(0, 5).join(', ') + (files.length > 5 ? ', …' : '');
  const parts_ = [
    ...(files.length > 0 ? [`changes that are not committed (${named})`] : []),
    ...(commits > 0 ? [`${commits === 1 ? 'a commit' : `${commits} commits`} that no remote has`] : []),
  ];
  return `is a submodule with ${parts_.join(' and ')}`;
}

/** Moves folders and files of a workspace that is to go into `folder`, by their paths. */
export async function keepLeftOut(
  workspace: Workspace,
  left: readonly LeftOut[],
  folder: string,
): Promise<void> {
  for (const { path } of left) {
    const from = join(workspace.path, path);
    if (lstatSync(from, { throwIfNoEntry: false }) === undefined) continue;
    const git_dir = path.endsWith('/') ? await gitDirOf(workspace, path.slice(0, -1)) : null;
    const to = join(folder, path);
    await mkdir(dirname(to), { recursive: true, mode: 0o700 });
    await move(from, to);
    if (git_dir === null || git_dir.startsWith(from)) continue;
    // What a submodule has in git lies with the workspace. Without core.worktree it is a repository as any other.
    await removeTree(join(to, '.git'));
    await move(git_dir, join(to, '.git'));
    const unset = ['config', '--file', join(to, '.git', 'config'), '--unset-all', 'core.worktree'];
    await git(unset, { cwd: folder, ok: [0, 3, 5] }).catch(() => {});
  }
}

async function move(from: string, to: string): Promise<void> {
  let target = to.replace(/\/$/, '');
  for (let n = 2; lstatSync(target, { throwIfNoEntry: false }); n += 1)
    target = `${to.replace(/\/$/, '')}.${n}`;
  try {
    await rename(from.replace(/\/$/, ''), target);
  } catch (error) {
    if (errnoOf(error) !== 'EXDEV') throw error;
    await promisify(execFile)('cp', ['-RPp', '--', from, target]);
  }
}
