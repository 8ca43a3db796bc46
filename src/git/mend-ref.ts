/**
 * What a power cut leaves of the branches of tasks: a file that is empty or points nowhere, which git neither reads nor
 * replaces, and entries of its log that name commits without content, over which `git gc` fails. Used by worktree.ts and
 * seal.ts.
 */

import { lstat, rename } from 'node:fs/promises';
import { join } from 'node:path';
import { readForeign, untroubled } from '../host/foreign-file.ts';
import { unlessTrouble } from '../host/trouble.ts';
import { MAX_LOG_BYTES } from './limits.ts';
import { areWhole } from './refs.ts';
import { findCommit, here, type Repository } from './repository.ts';
import { git } from './run.ts';
import { brokenPlace } from './sound.ts';
import { at, type Workspace } from './workspace.ts';

/** Entries of the log that are tried, newest first. */
const MAX_ENTRIES = 100;

/** Commits that were whole. Once in the life of a supervisor will do: after a power cut there is a new one. */
const seen = new Set<string>();
const MAX_SEEN = 10_000;

/**
 * Moves the unreadable file out of git's sight, to <common dir>/rasen/broken/. Returns the newest commit that the log of
 * the ref names and that exists; null when there is none, or when there is no such file (the ref was deleted).
 */
export async function mendRef(repo: Repository, ref: string): Promise<string | null> {
  const file = join(repo.refs, ref.slice('refs/'.length));
  const found = await lstat(file).catch(unlessTrouble(null));
  if (!found?.isFile()) return null;
  await rename(file, await brokenPlace(repo, `${ref.replaceAll('/', '_')}-${found.mtimeMs}`));
  const log = logOf(repo.common_dir, ref);
  for (const line of log.trimEnd().split('\n').slice(-MAX_ENTRIES).reverse()) {
    const id = /^[0-9a-f]+ ([0-9a-f]{40,64}) /.exec(line)?.[1];
    const commit = id === undefined ? null : await findCommit(here(repo), id);
    if (commit !== null) return commit;
  }
  return null;
}

/**
 * Takes entries out of the logs of a task's branch and HEAD that name commits which are not whole; `known` is, and so are
 * those of `made`, which come from it.
 */
export async function forgetTornEntries(
  linked: Workspace,
  refs: readonly string[],
  { known, made }: { known: string; made: readonly string[] },
): Promise<void> {
  const place = at(linked);
  const logs = refs.map(ref => {
    const lines = logOf(ref === 'HEAD' ? linked.admin : linked.common_dir, ref)
      .trimEnd()
      .split('\n');
    const newest = lines.reverse().slice(0, MAX_ENTRIES);
    return { ref, commits: newest.map(line => line.split(' ', 2)[1] ?? known) };
  });
  const doubted = new Set(logs.flatMap(({ commits }) => commits));
  const key = (commit: string) => `${linked.repo.objects}\0${commit}`;
  if (seen.size > MAX_SEEN) seen.clear();
  for (const commit of [known, ...made]) seen.add(key(commit));
  for (const commit of doubted) if (seen.has(key(commit))) doubted.delete(commit);
  // All at once: mostly they are, and each look has to read what is known.
  if (doubted.size === 0) return;
  if (await areWhole(place, [...doubted], known)) {
    for (const commit of doubted) seen.add(key(commit));
    return;
  }
  for (const { ref, commits } of logs) {
    // From the oldest one on: the numbers of the younger ones stay the same.
    for (const [number, commit] of [...commits.entries()].reverse()) {
      if (await areWhole(place, [commit], known)) continue;
      await git(['reflog', 'delete', '--rewrite', `${ref}@{${number}}`], place);
    }
  }
}

/** Empty where there is no log that git could have written. */
function logOf(git_dir: string, ref: string): string {
  const place = { root: git_dir, path: join('logs', ref) };
  const found = untroubled(place, readForeign(place, MAX_LOG_BYTES));
  return found.ok ? found.value.bytes.toString('utf8') : '';
}
