/**
 * A branch whose file a power cut left empty or pointing nowhere. git neither reads nor replaces such a ref. Used by
 * worktree.ts for the branches of tasks only.
 */
import { lstat, mkdir, readFile, rename } from 'node:fs/promises';
import { join } from 'node:path';
import { findCommit, type Repository } from './repository.ts';

/** Entries of the log that are tried, newest first. */
const MAX_ENTRIES = 100;

/**
 * Moves the unreadable file out of git's sight, to <common dir>/rasen/broken/. Returns the newest commit that the log of
 * the ref names and that exists; null when there is none, or when there is no such file (the ref was deleted).
 */
export async function mendRef(repo: Repository, ref: string): Promise<string | null> {
  const file = join(repo.common_dir, ref);
  const found = await lstat(file).catch(() => null);
  if (!found?.isFile()) return null;
  const aside = join(repo.common_dir, 'rasen', 'broken');
  await mkdir(aside, { recursive: true });
  await rename(file, join(aside, `${ref.replaceAll('/', '_')}-${found.mtimeMs}`));
  const log = await readFile(join(repo.common_dir, 'logs', ref), 'utf8').catch(() => '');
  for (const line of log.trimEnd().split('\n').slice(-MAX_ENTRIES).reverse()) {
    const id = /^[0-9a-f]+ ([0-9a-f]{40,64}) /.exec(line)?.[1];
    const commit = id === undefined ? null : await findCommit(repo.root, id);
    if (commit !== null) return commit;
  }
  return null;
}
