/**
 * A folder in which a commit is checked out for a task: a clone of its own (clone.ts), or a worktree that is linked to the
 * user's repository (linked.ts). Our git works in both with a git directory of ours; of what whoever works there has
 * for git, small files are read and written here, and nothing is believed.
 */
import { rename } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { readForeign, replaceForeign, untroubled } from '../host/foreign-file.ts';
import { MAX_SMALL_BYTES } from './limits.ts';
import { type Place, type Repository, storeEnv } from './repository.ts';
import { isFolder, problemOf, specialIn } from './sound.ts';
import { mender } from './stale-locks.ts';

export interface Workspace {
  repo: Repository;
  path: string;
  /** git's folder that our git has for it: HEAD, index, state of a merge. */
  admin: string;
  /** git's folder that whoever works there has for it: `.git` of a clone. Of a linked worktree it is the same. */
  theirs: string;
  common_dir: string;
}

export const isClone = ({ admin, theirs }: Pick<Workspace, 'admin' | 'theirs'>): boolean => admin !== theirs;

/** The indexes of ours for the workspace at `path`: the one in use, and the one that was last put into it. */
export function indexFiles({ own }: Pick<Repository, 'own'>, path: string): { copy: string; kept: string } {
  const copy = join(own, `index-${basename(path)}`);
  return { copy, kept: `${copy}.kept` };
}

/** How our git is run in a workspace: with all folders named, so that nothing is searched for or believed. */
export function at(workspace: Workspace): Place {
  const { repo, path, admin } = workspace;
  return {
    cwd: path,
    env: {
      ...storeEnv(repo),
      ...{ GIT_DIR: admin, GIT_COMMON_DIR: repo.own, GIT_WORK_TREE: path },
      ...(isClone(workspace) ? { GIT_INDEX_FILE: indexFiles(repo, path).kept } : {}),
    },
    repo,
    mend: mender(repo, { root: path, git_dir: admin }),
    stuck: () => specialIn(path),
  };
}

/** Writes a small file of git's in a folder that agents can write; a folder in its place is moved beside it. */
export async function write(root: string, path: string, text: string): Promise<void> {
  const place = join(root, path);
  if (isFolder(place)) await rename(place, `${place}.aside-${Date.now()}`);
  const put = replaceForeign({ root, path }, text, { mode: 0o644, sync: true });
  if (!put.ok) throw problemOf(root, path, put);
}

/**
 * First line of a small file of git, by pattern; null when the file is missing or says something else. Throws what will pass:
 * a worktree is not lost because a disk could not be read for a moment.
 */
export function pointer(root: string, path: string, pattern: RegExp): string | null {
  const place = { root, path };
  const found = untroubled(place, readForeign(place, MAX_SMALL_BYTES));
  if (!found.ok) return null;
  return pattern.exec(found.value.bytes.toString('utf8').replace(/\r?\n$/, ''))?.[1] ?? null;
}
