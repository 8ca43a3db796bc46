/**
 * The user's own side of a repository: branches, tags, stash, settings, and what its checkout is on. Looked at before an
 * attempt and after it. In a clone nobody but the user changes it; in a linked worktree, agents and tests can, too.
 */
import { createHash } from 'node:crypto';
import { join } from 'node:path';
import * as z from 'zod';
import { readForeign, statForeign, untroubled } from '../host/foreign-file.ts';
import { MAX_LOG_BYTES } from './limits.ts';
import { withRepositoryLock } from './lock.ts';
import { keepCommit } from './refs.ts';
import { here, homePlace, type Repository } from './repository.ts';
import { git } from './run.ts';
import { soundStore } from './sound.ts';

export const usersStateSchema = z.object({
  /** By full name; not what rasen makes, and not what remotes had. */
  refs: z.record(z.string(), z.string()),
  head: z.string(),
  /** Entries of the stash. */
  stashes: z.number(),
  /** Hash of the file. */
  config: z.string(),
  /** Hash of what its index has that its HEAD has not. Absent in records of older releases. */
  staged: z.string().optional(),
  /** Length of the log of the checkout's HEAD, in characters. */
  logged: z.number(),
});
export type UsersState = z.infer<typeof usersStateSchema>;

export interface UsersChange {
  /** A ref, `HEAD`, `index`, `config` or `refs/stash`. */
  what: string;
  /** A whole sentence. */
  text: string;
  /** The user did it: the checkout's log tells of it, or nobody else would. */
  by_user: boolean;
  /** Nothing was there before, so nothing is lost. */
  is_new: boolean;
}

export async function usersState(repo: Repository): Promise<UsersState> {
  await withRepositoryLock(repo, () => soundStore(repo, null));
  // Before the refs: what moves one in between counts as new in the log then, and is not missing from it.
  const head = textOf(repo.git_dir, 'HEAD').trim();
  const logged = textOf(repo.git_dir, 'logs/HEAD').length;
  const args = ['for-each-ref', '--format=%(objectname) %(refname)'];
  const { stdout } = await git(args, { ...here(repo), reads: true });
  const refs: Record<string, string> = {};
  for (const line of stdout.split('\n')) {
    const [id, ref] = [line.slice(0, line.indexOf(' ')), line.slice(line.indexOf(' ') + 1)];
    if (line !== '' && !/^refs\/(?:rasen|heads\/rasen|remotes)\//.test(ref)) refs[ref] = id;
  }
  return {
    refs,
    head,
    stashes: textOf(repo.common_dir, 'logs/refs/stash').split('\n').length - 1,
    logged,
    config: hashOf(textOf(repo.common_dir, 'config')),
    staged: await stagedIn(repo, refs[head.slice('ref: '.length)] ?? head),
  };
}

const hashOf = (text: string) => createHash('sha256').update(text).digest('hex');

/** Of the last look at each checkout: as long as index and HEAD are the same, so is what is staged. */
const looked = new Map<string, { seen: string; staged: string }>();
const MAX_LOOKED = 100;

/** Not of the file itself, which git writes anew when it has looked at the files. Empty: git cannot read it. */
async function stagedIn(repo: Repository, head: string): Promise<string> {
  const place = { root: repo.git_dir, path: 'index' };
  const found = untroubled(place, statForeign(place));
  const stat = found.ok ? found.value : null;
  const seen = `${head} ${stat?.ino} ${stat?.size} ${stat?.mtimeMs} ${stat?.ctimeMs}`;
  const before = looked.get(repo.git_dir);
  if (before?.seen === seen) return before.staged;
  const args = ['diff-index', '--cached', '--raw', '--no-renames', '-z', 'HEAD', '--'];
  const { code, stdout } = await git(args, {
    ...{ ...homePlace(repo, repo), reads: true, ok: [0, 1, 128], max_bytes: MAX_LOG_BYTES, cut: true },
  });
  const staged = code === 128 ? '' : hashOf(stdout);
  if (looked.size >= MAX_LOOKED) looked.clear();
  looked.set(repo.git_dir, { seen, staged });
  return staged;
}

/** What differs. Commits that a ref does not name any more are kept as refs of the task. */
export async function usersChanges(
  repo: Repository,
  task: string,
  before: UsersState,
): Promise<UsersChange[]> {
  const after = await usersState(repo);
  const log = textOf(repo.git_dir, 'logs/HEAD').slice(before.logged);
  const found: UsersChange[] = [];
  const add = (what: string, text: string, by_user = false, is_new = false) =>
    found.push({ what, text, by_user, is_new });
  for (const ref of [...new Set([...Object.keys(before.refs), ...Object.keys(after.refs)])].sort()) {
    const [was, is] = [before.refs[ref], after.refs[ref]];
    if (was === is) continue;
    // A commit, a reset or a switch in the user's checkout is written there, with what it led to.
    const by_user = is !== undefined && is !== was && log.includes(` ${is} `);
    if (is === undefined) add(ref, `${ref} is gone; it was ${was}`);
    else if (was === undefined) add(ref, `${ref} is new, at ${is}`, by_user, true);
    else add(ref, `${ref} moved from ${was} to ${is}`, by_user);
  }
  if (after.stashes !== before.stashes && before.refs['refs/stash'] === after.refs['refs/stash'])
    add('refs/stash', `the stash has ${after.stashes} entries; it had ${before.stashes}`);
  if (after.head !== before.head)
    add('HEAD', `HEAD of ${repo.root} is "${after.head}"; it was "${before.head}"`, log !== '');
  if (before.staged && after.staged && after.staged !== before.staged)
    // People stage files all the time, and nobody else has their index.
    add('index', `what is staged in ${repo.root} was changed`, true);
  if (after.config !== before.config) add('config', `${join(repo.common_dir, 'config')} was changed`);
  const lost = found.flatMap(({ what }) => before.refs[what] ?? []);
  if (lost.length > 0)
    await withRepositoryLock(repo, async () => {
      for (const commit of lost) await keepCommit(here(repo), task, commit);
    });
  return found;
}

function textOf(root: string, path: string): string {
  const place = { root, path };
  const found = untroubled(place, readForeign(place, MAX_LOG_BYTES));
  return found.ok ? found.value.bytes.toString('utf8') : '';
}
