/**
 * Merges the work of a task into a branch, on the user's word only. The result is made and checked in a throw-away
 * checkout; then the branch moves in one step, or nothing does. Where the branch is checked out, git itself moves it
 * there and refuses to overwrite uncommitted changes.
 */

import { existsSync } from 'node:fs';
import { rmdir } from 'node:fs/promises';
import { join } from 'node:path';
import { isRasenError, RasenError } from '../contract/errors.ts';
import { troubleOf } from '../host/trouble.ts';
import { handOver } from './carry.ts';
import { committerEnv } from './identity.ts';
import { MAX_NAMED_PATHS, MERGE_TRIES } from './limits.ts';
import { isAgreed, type ListedWorktree, listWorktrees } from './linked.ts';
import { withRepositoryLock } from './lock.ts';
import { finishCutMerge, syncCheckout, undoCutMerge } from './mend-checkout.ts';
import { mendObjects } from './mend-objects.ts';
import { plainPath, readCheckout } from './records.ts';
import { isAncestor, moveRef } from './refs.ts';
import { freshCheckout, removeWorktree } from './remove.ts';
import {
  currentBranch,
  findCommit,
  here,
  homePlace,
  type Place,
  type Repository,
  resolveCommit,
} from './repository.ts';
import { git, parts } from './run.ts';
import { soundStore } from './sound.ts';
import { at, isClone, pointer } from './workspace.ts';
import { requireWorkspace } from './workspaces.ts';

export interface MergeRequest {
  task: string;
  commit: string;
  /** Branch; null: the branch of the user's checkout. */
  into: string | null;
  squash: boolean;
  message: string;
  /** Folder under which the temporary checkout is made. */
  scratch: string;
  /** Gates on the merge result; throws to refuse. Runs without the lock of the repository. */
  check: (checkout: string, commit: string) => Promise<void>;
}

export interface Merged {
  into: string;
  /** Tip of the branch before; the same as `commit` when it was merged already. */
  before: string;
  commit: string;
  fast_forward: boolean;
}

/**
 * Idempotent: merged already (reachable, or squashed with our trailers) is the same answer and no second commit.
 * Errors: `merge_conflict` with the files, `git` when local changes are in the way or there is no such branch, and
 * whatever `check` throws. After an error nothing has moved.
 */
export async function merge(repo: Repository, request: MergeRequest): Promise<Merged> {
  const into = request.into ?? (await currentBranch(repo));
  if (into === null) {
    throw new RasenError('git', `${repo.root} is on no branch to merge into`, {
      hint: 'Name one with --into.',
    });
  }
  await withRepositoryLock(repo, async () => {
    await mendObjects(repo);
    await soundStore(repo, request.task);
  });
  const ref = `refs/heads/${into}`;
  // Its throw-away checkout is still there: an earlier merge was cut off, wherever it was.
  const cut = await readCheckout(repo, await plainPath(scratchOf(request)));
  const commit = await resolveCommit(repo, request.commit);
  for (let tries = 1; tries <= MERGE_TRIES; tries += 1) {
    const before = await findCommit(here(repo), ref);
    if (before === null) {
      throw new RasenError('git', `There is no branch "${into}" to merge into`, {
        hint: `Make it first: git branch ${into}`,
      });
    }
    const done = await findMerged(repo, { ...request, commit }, before);
    if (done !== null) {
      if (cut !== null) {
        await withRepositoryLock(repo, async () => {
          const home = await homeOf(repo, ref);
          if (home === null || !isThere(home.root)) return;
          await finishCutMerge(homePlace(repo, home), ref, { before: cut.commit ?? before, commit: before });
        });
        await removeScratch(repo, request);
      }
      return { into, before, commit: done, fast_forward: false };
    }
    const merged = await attempt(
      repo,
      { ...request, commit },
      {
        ...{ into, ref, before },
        was_cut: cut !== null,
      },
    );
    if (merged !== null) return merged;
  }
  throw new RasenError('git', `"${into}" moved ${MERGE_TRIES} times while the result was being checked`, {
    hint: 'Merge again when nobody else commits to it.',
  });
}

const scratchOf = (request: MergeRequest) => join(request.scratch, `merge-${request.task}`);

async function removeScratch(repo: Repository, request: MergeRequest): Promise<void> {
  await removeWorktree(repo, scratchOf(request));
  // It is not empty where somebody put something into it.
  await rmdir(request.scratch).catch(() => {});
}

interface Target {
  into: string;
  ref: string;
  before: string;
  was_cut: boolean;
}

/** null: the branch moved meanwhile. */
async function attempt(repo: Repository, request: MergeRequest, target: Target): Promise<Merged | null> {
  const path = scratchOf(request);
  await freshCheckout(repo, { task: request.task, commit: target.before, path });
  let merged: Merged | null;
  try {
    const result = await withRepositoryLock(repo, () => build(repo, path, request, target));
    await request.check(path, result.commit);
    const moved = await withRepositoryLock(repo, () => move(repo, target, result.commit));
    merged = moved ? { into: target.into, before: target.before, ...result } : null;
  } catch (error) {
    // The reason of the refusal matters more than a checkout that stays; the next merge replaces it. Where a git failed, it
    // may have written to the user's checkout: then ours stays, as after a power cut, and the next merge undoes that first.
    if (isRefusal(error)) await removeScratch(repo, request).catch(() => {});
    throw error;
  }
  await removeScratch(repo, request);
  return merged;
}

/** Nothing went wrong: it was looked at and may not be. */
const isRefusal = (error: unknown): boolean =>
  isRasenError(error) && error.data?.args === undefined && troubleOf(error) === null;

/** Makes the commit of the result in the checkout, which is left at it. */
async function build(
  repo: Repository,
  path: string,
  request: MergeRequest,
  target: Target,
): Promise<{ commit: string; fast_forward: boolean }> {
  const linked = await requireWorkspace(repo, path);
  const place = at(linked);
  const fast_forward = !request.squash && (await isAncestor(place, target.before, request.commit));
  let commit = request.commit;
  if (!fast_forward) {
    const identity = { ...place.env, ...committerEnv(place) };
    const how = request.squash ? ['--squash'] : ['--no-ff', '--no-commit'];
    const args = ['merge', ...how, '--no-edit', '--no-stat', '--no-autostash', '--quiet', request.commit];
    try {
      await git(args, { ...place, env: identity });
    } catch (error) {
      throw await conflict(place, error, request.commit, target.into);
    }
    const tree = (await git(['write-tree'], place)).stdout.trim();
    const same = await git(['rev-parse', `${target.before}^{tree}`], { ...place, reads: true });
    // The branch has the content already, without our trailers: nothing is left to commit.
    if (request.squash && same.stdout.trim() === tree) return { commit: target.before, fast_forward: false };
    const parents = request.squash ? [target.before] : [target.before, request.commit];
    const { stdout } = await git(['commit-tree', tree, ...parents.flatMap(parent => ['-p', parent])], {
      ...place,
      env: identity,
      input: `${request.message.trim()}\n\n${trailers(request).join('\n')}\n`,
    });
    commit = stdout.trim();
  }
  await git(['reset', '--quiet', '--hard', commit], place);
  // Gates ask their own git there.
  if (isClone(linked)) await handOver(linked, { commit, branch: null });
  return { commit, fast_forward };
}

async function conflict(place: Place, error: unknown, commit: string, into: string): Promise<unknown> {
  const args = ['diff', '--name-only', '--diff-filter=U', '-z'];
  const found = await git(args, { ...place, reads: true }).catch(() => null);
  const files = parts(found?.stdout ?? '').slice(0, MAX_NAMED_PATHS);
  if (files.length === 0) return error;
  const named = files.slice(0, 10).join(', ') + (files.length > 10 ? ', …' : '');
  return new RasenError('merge_conflict', `${commit.slice(0, 12)} conflicts with "${into}" in ${named}`, {
    hint: `Merge "${into}" into the branch of the task, resolve the conflicts there, then merge again.`,
    data: { files, into, commit },
    cause: error,
  });
}

/** Moves the branch from `before` to `commit`. False when it is not at `before` any more. */
async function move(repo: Repository, target: Target, commit: string): Promise<boolean> {
  const now = await findCommit(here(repo), target.ref);
  if (now !== target.before) return false;
  const home = await homeOf(repo, target.ref);
  if (home === null) {
    await moveRef(here(repo), target.ref, { from: target.before, to: commit, why: 'rasen: merge' });
    return true;
  }
  if (!isThere(home.root)) {
    throw new RasenError('git', `"${target.into}" is checked out in ${home.root}, which is not there`, {
      hint: 'Mount it, or forget it with: git worktree prune',
    });
  }
  const change = { before: target.before, commit };
  const place = homePlace(repo, home);
  if (target.was_cut) await undoCutMerge(place, target.ref, change);
  try {
    // An ignored file of the user's, such as .env, is as dear as any other.
    const spare = ['--no-autostash', '--no-overwrite-ignore'];
    await git(['merge', '--ff-only', ...spare, '--no-stat', '--quiet', commit], place);
  } catch (error) {
    throw inTheWay(error, home.root, target.into);
  }
  await syncCheckout(place, change);
  return true;
}

/**
 * The checkout that is on the branch; null when there is none. Throws `git` for one that only a registration names: into
 * a folder that does not know of it nothing is written.
 */
async function homeOf(repo: Repository, ref: string): Promise<{ root: string; git_dir: string } | null> {
  const found = listWorktrees(repo).find(worktree => worktree.ref === ref);
  if (found === undefined) {
    const { git_dir, common_dir } = repo;
    const is_on_it = pointer(common_dir, 'HEAD', /^ref: (.+)$/) === ref && isThere(join(common_dir, 'index'));
    if (git_dir !== common_dir && is_on_it) throw placeless(common_dir, ref);
    return null;
  }
  if (isThere(found.path) && !(await isAgreed(repo, found))) throw disagreeing(found);
  if (found.git_dir === repo.common_dir && found.git_dir !== repo.git_dir) await hasItsFiles(repo, found);
  return { root: found.path, git_dir: found.git_dir };
}

/**
 * A git directory does not say where its checkout is: that it lies in a folder beside the files is only usual. Where it was
 * put elsewhere (--separate-git-dir), or its configuration names another folder, nobody but its user knows.
 */
async function hasItsFiles(repo: Repository, { path, git_dir, ref }: ListedWorktree): Promise<void> {
  const args = ['config', '--file', join(git_dir, 'config'), '--get', 'core.worktree'];
  const named = (await git(args, { ...here(repo), reads: true, ok: [0, 1] })).stdout.trim();
  if (named === '') {
    const { stdout } = await git(['ls-files', '-z'], {
      ...homePlace(repo, { root: path, git_dir }),
      reads: true,
    });
    const files = parts(stdout);
    if (files.length === 0 || files.some(file => existsSync(join(path, file)))) return;
  }
  throw placeless(git_dir, ref ?? '');
}

function placeless(git_dir: string, ref: string): RasenError {
  const branch = ref.replace('refs/heads/', '');
  return new RasenError(
    'git',
    `"${branch}" is checked out by ${git_dir}, which does not say where its files are`,
    {
      hint: 'Merge into another branch, and take that over in the checkout itself with: git merge',
      data: { path: git_dir, into: branch },
    },
  );
}

function disagreeing({ path, git_dir }: ListedWorktree): RasenError {
  return new RasenError('git', `${git_dir} says that ${path} is a worktree of it, which ${path} does not`, {
    hint: 'See: git worktree list. Forget what is none with: git worktree prune',
    data: { path, git_dir },
  });
}

const isThere = (path: string) => existsSync(path);

/** git names the files that it would have to overwrite, indented by a tab. */
function inTheWay(error: unknown, checkout: string, into: string): unknown {
  const cause = isRasenError(error) ? (error.cause as { message?: string } | undefined) : undefined;
  const files = [...(cause?.message ?? '').matchAll(/^\t(.+)$/gm)]
    .map(found => found[1]!)
    .slice(0, MAX_NAMED_PATHS);
  if (files.length === 0) return error;
  const named = files.slice(0, 10).join(', ') + (files.length > 10 ? ', …' : '');
  return new RasenError('git', `Uncommitted changes in ${checkout} are in the way of the merge: ${named}`, {
    hint: `Commit, stash or move them, then merge again. "${into}" was not moved.`,
    data: { files, path: checkout, into },
    cause: error,
  });
}

const trailers = (request: MergeRequest) => [
  `Rasen-Task: ${request.task}`,
  `Rasen-Commit: ${request.commit}`,
];

/** The commit by which the branch has the work already; null when it has not. */
async function findMerged(repo: Repository, request: MergeRequest, tip: string): Promise<string | null> {
  if (await isAncestor(here(repo), request.commit, tip)) return tip;
  const [task, commit] = trailers(request) as [string, string];
  const { stdout } = await git(
    ['log', '-z', '-n1', '--format=%H', '--all-match', '-F', `--grep=${task}`, `--grep=${commit}`, tip, '--'],
    { ...here(repo), reads: true },
  );
  return stdout.replace('\0', '').trim() || null;
}
