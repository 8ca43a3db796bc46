/** Whether a worktree changed between two looks, without reading its files: by HEAD, and by size and time of what differs. */
import { createHash } from 'node:crypto';
import { lstat } from 'node:fs/promises';
import { join } from 'node:path';
import { insidePlace, lookInto } from './carry.ts';
import { findCommit, type Repository } from './repository.ts';
import { git } from './run.ts';
import { at, isClone } from './workspace.ts';
import { requireWorkspace } from './workspaces.ts';

/** Changed files that are looked at; of more the names alone count. */
const MAX_FILES = 1000;
const MAX_STATUS_BYTES = 1024 * 1024;

/**
 * Two equal answers: nothing was changed in between, or changed back. Somebody works there meanwhile, so nothing is
 * mended; where that would be needed, it throws `git`.
 */
export async function worktreeState(repo: Repository, path: string): Promise<string> {
  const found = await requireWorkspace(repo, path);
  const place = { ...(isClone(found) ? await insidePlace(found) : at(found)), reads: true };
  const head = isClone(found) ? (await lookInto(found)).head : await findCommit(place, 'HEAD');
  const args = ['status', '--porcelain', '-z', '--untracked-files=all', '--no-renames'];
  const status = await git([...args, '--ignore-submodules=dirty'], {
    ...place,
    max_bytes: MAX_STATUS_BYTES,
    cut: true,
  });
  const hash = createHash('sha256')
    .update(head ?? '')
    .update('\0')
    .update(status.stdout);
  for (const line of status.stdout.split('\0').slice(0, MAX_FILES)) {
    if (line.length < 4) continue;
    const stat = await lstat(join(path, line.slice(3)), { bigint: true }).catch(() => null);
    hash.update(stat === null ? '-' : `${stat.size} ${stat.mtimeNs} ${stat.ino}`).update('\0');
  }
  return hash.digest('hex');
}
