/**
 * Finds a repository and reads simple facts about it. Used by everything in git/ and by the supervisor at submit.
 * Never changes the user's checkout; the only file written is the repository's local exclude list.
 */

import { mkdir, realpath, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { isRasenError, RasenError } from '../contract/errors.ts';
import type { CapturedRepository } from '../contract/repository.ts';
import { shellWord } from '../engine/shell-word.ts';
import { readForeign, replaceForeign, untroubled } from '../host/foreign-file.ts';
import { unlessTrouble } from '../host/trouble.ts';
import { MAX_EXCLUDE_BYTES } from './limits.ts';
import { withRepositoryLock } from './lock.ts';
import { git } from './run.ts';
import { problemOf, soundRef, specialIn } from './sound.ts';
import { mender } from './stale-locks.ts';

/** A user's checkout, as its git finds it. */
export interface Checkout {
  /** Top level: the main worktree or a linked one. */
  root: string;
  /** Where the folder that was asked for is in it; '' is the top. */
  folder: string;
  /** git's folder for this checkout: HEAD, index. */
  git_dir: string;
  /** Real path of git's common dir: the identity of the repository and the key of its lock. */
  common_dir: string;
}

/** clone: a task works in a repository of its own. linked: in a worktree that shares the user's. */
export type Isolation = 'clone' | 'linked';

/** A repository as the supervisor works with it: by a git directory of its own (own-dir.ts). */
export interface Repository extends Omit<Checkout, 'folder'> {
  /** Real paths of the user's object store and refs. */
  objects: string;
  refs: string;
  /** The supervisor's git directory for one task: the user's objects and refs, and nobody's configuration but ours. */
  own: string;
  /** Folder of what is remembered about this repository, in the state. */
  records: string;
  /** PATH and HOME of the user, for filters. */
  env: Readonly<Record<string, string>>;
  /** The task is of a time when records were kept in the repository. */
  is_old: boolean;
  /** What all of this was made of. */
  captured: CapturedRepository;
  isolation: Isolation;
  /** Remotes of a clone can be pushed to. */
  push: boolean;
}

/** Where a git command runs: its folder, and the git directories that it is told. */
export interface Place {
  cwd: string;
  env: Record<string, string | undefined>;
  /** To whom refs and objects belong. */
  repo: Repository;
  mend?: (lock: string) => Promise<boolean>;
  stuck?: () => Promise<string | null>;
}

/** Throws `not_git` when `dir` is in no repository, or in one without a work tree or without a commit. */
export async function findRepository(
  dir: string,
  env: Record<string, string | undefined> = {},
): Promise<Checkout> {
  const folder = await stat(dir).catch(unlessTrouble(null));
  if (!folder?.isDirectory()) throw notGit(dir, 'is not a folder');
  const found = await soundRepository(dir, env);
  if (found !== null) return found;
  // Something is the matter with it. One question after the other tells what.
  const facts = await git(['rev-parse', '--is-bare-repository', '--is-inside-work-tree'], {
    cwd: dir,
    env,
    reads: true,
  }).catch(error => {
    if (isRasenError(error) && /dubious ownership/.test(error.message)) {
      throw notGit(dir, 'belongs to another user, so git refuses to work in it', {
        hint: `If you trust it: git config --global --add safe.directory ${shellWord(ownedByOther(error) ?? dir)}`,
        cause: error,
      });
    }
    if (isRasenError(error) && /not a git repository/i.test(error.message)) {
      throw notGit(dir, 'is in no git repository', {
        hint: 'Make one with: git init && git add -A && git commit',
        cause: error,
      });
    }
    throw error;
  });
  const [bare, inside] = facts.stdout.trim().split('\n');
  if (bare === 'true') throw notGit(dir, 'is a bare repository, which has no checkout');
  if (inside !== 'true') throw notGit(dir, 'is inside a .git folder, not in a checkout');
  const line = async (...args: string[]) =>
    (await git(['rev-parse', ...args], { cwd: dir, env, reads: true })).stdout.replace(/\n$/, '');
  const root = await line('--show-toplevel');
  const prefix = await line('--show-prefix');
  const common = await line('--path-format=absolute', '--git-common-dir');
  const git_dir = await line('--absolute-git-dir');
  const head = await git(['rev-parse', '--verify', '--quiet', 'HEAD^{commit}'], {
    cwd: root,
    env,
    reads: true,
    ok: [0, 1, 128],
  });
  if (head.code !== 0) {
    throw notGit(dir, 'has no commit yet', { hint: 'Make a first commit: git add -A && git commit' });
  }
  return {
    root,
    folder: prefix.replace(/\/$/, ''),
    git_dir: await realpath(git_dir),
    common_dir: await realpath(common),
  };
}

/** All that findRepository asks, in one question, since programs are most of what it costs; null: not as it should be. */
async function soundRepository(
  dir: string,
  env: Record<string, string | undefined>,
): Promise<Checkout | null> {
  const facts = ['--is-bare-repository', '--is-inside-work-tree', '--path-format=absolute'];
  const args = [
    'rev-parse',
    ...facts,
    '--git-common-dir',
    '--git-dir',
    '--show-toplevel',
    '--show-prefix',
    'HEAD^{commit}',
  ];
  const { code, stdout } = await git(args, { cwd: dir, env, reads: true, ok: [0, 128] });
  const lines = stdout.replace(/\n$/, '').split('\n');
  const [bare, inside, common, git_dir, root, prefix] = lines;
  // More lines are a path with one in it.
  if (code !== 0 || lines.length !== 7 || bare !== 'false' || inside !== 'true') return null;
  return {
    root: root!,
    folder: prefix!.replace(/\/$/, ''),
    git_dir: await realpath(git_dir!),
    common_dir: await realpath(common!),
  };
}

/** The repository that git names, which is what has to be trusted: a folder in it is not enough. */
const ownedByOther = ({ message }: RasenError) => /ownership in repository at '([^']+)'/.exec(message)?.[1];

function notGit(dir: string, why: string, more: { hint?: string; cause?: unknown } = {}): RasenError {
  return new RasenError('not_git', `${dir} ${why}`, {
    hint: more.hint ?? 'Run rasen in the checkout of a git repository.',
    data: { path: dir },
    cause: more.cause,
  });
}

/**
 * What git is told everywhere. The object store by its real path, since a relative entry of its alternates is taken from
 * there.
 */
export function storeEnv(repo: Repository): Record<string, string> {
  return { ...repo.env, GIT_OBJECT_DIRECTORY: repo.objects };
}

/** For what concerns no worktree. */
export function here(repo: Repository): Place {
  return { cwd: repo.own, env: { ...storeEnv(repo), GIT_DIR: repo.own }, repo, mend: mender(repo) };
}

/** For the user's checkout: its HEAD, index and files under our configuration. */
export function homePlace(repo: Repository, checkout: { root: string; git_dir: string }): Place {
  return {
    cwd: checkout.root,
    env: {
      ...storeEnv(repo),
      GIT_DIR: checkout.git_dir,
      GIT_COMMON_DIR: repo.own,
      GIT_WORK_TREE: checkout.root,
    },
    repo,
    mend: mender(repo, checkout),
    stuck: () => specialIn(checkout.root),
  };
}

/** The full id of the commit that `rev` names. Throws `git`, naming `rev`, when there is none. */
export async function resolveCommit(repo: Repository, rev: string): Promise<string> {
  const found = await findCommit(here(repo), rev === 'HEAD' ? await headOf(repo) : rev);
  if (found !== null) return found;
  throw new RasenError('git', `"${rev}" is not a commit of ${repo.root}`, {
    hint: 'Name a branch, a tag or a commit id that `git log` knows.',
    data: { rev },
  });
}

/** As resolveCommit, but null when there is none. */
export async function findCommit(place: Place, rev: string): Promise<string | null> {
  // What starts with a dash would be an option; no branch, tag or id does.
  if (rev === '' || rev.startsWith('-') || rev.includes('\0')) return null;
  if (rev.startsWith('refs/')) soundRef(place.repo, rev);
  const args = ['rev-parse', '--verify', '--quiet', `${rev}^{commit}`];
  const found = await git(args, { ...place, reads: true, ok: [0, 1, 128] });
  return found.code === 0 ? found.stdout.trim() : null;
}

/**
 * What several refs (by full name) or full ids of commits name; null: no commit. One look at all of them: a program that
 * starts takes longer than any of the answers.
 */
export async function findCommits(place: Place, revs: readonly string[]): Promise<(string | null)[]> {
  for (const rev of revs) if (rev.startsWith('refs/')) soundRef(place.repo, rev);
  const { stdout } = await git(['cat-file', '--batch-check=%(objectname)'], {
    ...{ ...place, reads: true },
    input: revs.map(rev => `${rev}^{commit}\n`).join(''),
  });
  return stdout
    .split('\n')
    .slice(0, revs.length)
    .map(line => (/^[0-9a-f]{40,64}$/.test(line) ? line : null));
}

/** What the user's checkout is on: the full name of a ref, or a commit. */
async function headOf(repo: Repository): Promise<string> {
  const found = readForeign({ root: repo.git_dir, path: 'HEAD' }, 4096);
  if (!found.ok) throw problemOf(repo.git_dir, 'HEAD', found);
  const text = found.value.bytes.toString('utf8').trim();
  return text.startsWith('ref: ') ? text.slice('ref: '.length) : text;
}

/** The branch of the user's checkout; null when HEAD is detached. */
export async function currentBranch(repo: Repository): Promise<string | null> {
  const head = await headOf(repo);
  return head.startsWith('refs/heads/') ? head.slice('refs/heads/'.length) : null;
}

/** Whether the pattern is a line of `info/exclude`. */
export function isExcludedLocally(repo: { common_dir: string }, pattern: string): boolean {
  return (excluded(repo)?.text ?? '').split(/\r?\n/).includes(pattern);
}

/**
 * Adds patterns to `info/exclude`, which git never commits and every worktree of the repository obeys. Lines that
 * are there stay as they are, byte for byte; a pattern that is there is not added again. A file that is no ordinary one
 * (a link may lead to any file of the user) stays as it is: the supervisor's own git has its own.
 */
export function excludeLocally(repo: { common_dir: string }, patterns: readonly string[]): Promise<void> {
  return withRepositoryLock(repo, async () => {
    const found = excluded(repo);
    if (found === null) return;
    const present = new Set(found.text.split(/\r?\n/));
    const missing = [...new Set(patterns)].filter(pattern => !present.has(pattern));
    if (missing.length === 0) return;
    const glue = found.text === '' || found.text.endsWith('\n') ? '' : '\n';
    await mkdir(join(repo.common_dir, 'info')).catch(() => {});
    const text = `${found.text}${glue}${missing.join('\n')}\n`;
    replaceForeign(excludeFile(repo), text, { mode: found.mode, sync: true });
  });
}

const excludeFile = (repo: { common_dir: string }) => ({ root: repo.common_dir, path: 'info/exclude' });

/** null: it is no file that may be written. */
function excluded(repo: { common_dir: string }): { text: string; mode: number } | null {
  const found = untroubled(excludeFile(repo), readForeign(excludeFile(repo), MAX_EXCLUDE_BYTES));
  if (found.ok) return { text: found.value.bytes.toString('utf8'), mode: found.value.stat.mode & 0o777 };
  return found.fault === 'missing' ? { text: '', mode: 0o644 } : null;
}
