/**
 * Finds a repository and reads simple facts about it. Used by everything in git/ and by the supervisor at submit.
 * Never changes the user's checkout; the only file written is the repository's local exclude list.
 */
import { mkdir, readFile, realpath, stat } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { errnoOf, isRasenError, RasenError } from '../errors.ts';
import { writeDurably } from './durable.ts';
import { withRepositoryLock } from './lock.ts';
import { git } from './run.ts';

export interface Repository {
  /** Top level of the user's checkout: the main worktree or a linked one. */
  root: string;
  /** Real path of git's common dir: the identity of the repository and the key of its lock. */
  common_dir: string;
}

/** Throws `not_git` when `dir` is in no repository, or in one without a work tree or without a commit. */
export async function findRepository(dir: string): Promise<Repository> {
  const folder = await stat(dir).catch(() => null);
  if (!folder?.isDirectory()) throw notGit(dir, 'is not a folder');
  const found = await soundRepository(dir);
  if (found !== null) return found;
  // Something is the matter with it. One question after the other tells what.
  const facts = await git(['rev-parse', '--is-bare-repository', '--is-inside-work-tree'], {
    cwd: dir,
    reads: true,
  }).catch(error => {
    if (isRasenError(error) && /dubious ownership/.test(error.message)) {
      throw notGit(dir, 'belongs to another user, so git refuses to work in it', {
        hint: `If you trust it: git config --global --add safe.directory ${dir}`,
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
  const root = await line(['rev-parse', '--show-toplevel'], dir);
  const common = await line(['rev-parse', '--path-format=absolute', '--git-common-dir'], dir);
  const head = await git(['rev-parse', '--verify', '--quiet', 'HEAD^{commit}'], {
    cwd: root,
    reads: true,
    ok: [0, 1, 128],
  });
  if (head.code !== 0) {
    throw notGit(dir, 'has no commit yet', { hint: 'Make a first commit: git add -A && git commit' });
  }
  return { root, common_dir: await realpath(common) };
}

/** All that findRepository asks, in one question, since programs are most of what it costs; null: not as it should be. */
async function soundRepository(dir: string): Promise<Repository | null> {
  const facts = ['--is-bare-repository', '--is-inside-work-tree', '--path-format=absolute'];
  const args = ['rev-parse', ...facts, '--git-common-dir', '--show-toplevel', 'HEAD^{commit}'];
  const { code, stdout } = await git(args, { cwd: dir, reads: true, ok: [0, 128] });
  const lines = stdout.replace(/\n$/, '').split('\n');
  const [bare, inside, common, root] = lines;
  // More lines are a path with one in it.
  if (code !== 0 || lines.length !== 5 || bare !== 'false' || inside !== 'true') return null;
  return { root: root!, common_dir: await realpath(common!) };
}

function notGit(dir: string, why: string, more: { hint?: string; cause?: unknown } = {}): RasenError {
  return new RasenError('not_git', `${dir} ${why}`, {
    hint: more.hint ?? 'Run rasen in the checkout of a git repository.',
    data: { path: dir },
    cause: more.cause,
  });
}

async function line(args: string[], cwd: string): Promise<string> {
  return (await git(args, { cwd, reads: true })).stdout.replace(/\n$/, '');
}

/** The full id of the commit that `rev` names. Throws `git`, naming `rev`, when there is none. */
export async function resolveCommit(repo: Repository, rev: string): Promise<string> {
  const found = await findCommit(repo.root, rev);
  if (found !== null) return found;
  throw new RasenError('git', `"${rev}" is not a commit of ${repo.root}`, {
    hint: 'Name a branch, a tag or a commit id that `git log` knows.',
    data: { rev },
  });
}

/** As resolveCommit, but null when there is none. */
export async function findCommit(
  cwd: string,
  rev: string,
  env: Record<string, string> = {},
): Promise<string | null> {
  // What starts with a dash would be an option; no branch, tag or id does.
  if (rev === '' || rev.startsWith('-') || rev.includes('\0')) return null;
  const args = ['rev-parse', '--verify', '--quiet', `${rev}^{commit}`];
  const found = await git(args, { cwd, env, reads: true, ok: [0, 1, 128] });
  return found.code === 0 ? found.stdout.trim() : null;
}

/** The branch of the user's checkout; null when HEAD is detached. */
export async function currentBranch(repo: Repository): Promise<string | null> {
  const found = await git(['symbolic-ref', '--quiet', 'HEAD'], { cwd: repo.root, reads: true, ok: [0, 1] });
  const ref = found.stdout.trim();
  return ref.startsWith('refs/heads/') ? ref.slice('refs/heads/'.length) : null;
}

/** Whether the pattern is a line of `info/exclude`. */
export async function isExcludedLocally(repo: { common_dir: string }, pattern: string): Promise<boolean> {
  const text = await readFile(join(repo.common_dir, 'info', 'exclude'), 'utf8').catch(() => '');
  return text.split(/\r?\n/).includes(pattern);
}

/**
 * Adds patterns to `info/exclude`, which git never commits and every worktree of the repository obeys. Lines that
 * are there stay as they are, byte for byte; a pattern that is there is not added again.
 */
export function excludeLocally(repo: { common_dir: string }, patterns: readonly string[]): Promise<void> {
  return withRepositoryLock(repo, async () => {
    const given = join(repo.common_dir, 'info', 'exclude');
    const path = await realpath(given).catch(() => given);
    const before = await readFile(path, 'utf8').catch(error => {
      if (errnoOf(error) === 'ENOENT') return '';
      throw error;
    });
    const present = new Set(before.split(/\r?\n/));
    const missing = [...new Set(patterns)].filter(pattern => !present.has(pattern));
    if (missing.length === 0) return;
    const glue = before === '' || before.endsWith('\n') ? '' : '\n';
    await mkdir(dirname(path), { recursive: true });
    await writeDurably(path, `${before}${glue}${missing.join('\n')}\n`);
  });
}
