/** Whether a worktree changed between two looks, without reading its files: by HEAD, and by size and time of what differs. */
import { createHash } from 'node:crypto';
import { lstat } from 'node:fs/promises';
import { join } from 'node:path';
import { git } from './run.ts';

/** Changed files that are looked at; of more the names alone count. */
const MAX_FILES = 1000;
const MAX_STATUS_BYTES = 1024 * 1024;

/** Two equal answers: nothing was changed in between, or changed back. */
export async function worktreeState(path: string): Promise<string> {
  const where = { cwd: path, reads: true };
  const head = await git(['rev-parse', '--verify', '--quiet', 'HEAD'], { ...where, ok: [0, 1] });
  const status = await git(['status', '--porcelain', '-z', '--untracked-files=all', '--no-renames'], {
    ...where,
    max_bytes: MAX_STATUS_BYTES,
    cut: true,
  });
  const hash = createHash('sha256').update(head.stdout).update('\0').update(status.stdout);
  for (const line of status.stdout.split('\0').slice(0, MAX_FILES)) {
    if (line.length < 4) continue;
    const stat = await lstat(join(path, line.slice(3)), { bigint: true }).catch(() => null);
    hash.update(stat === null ? '-' : `${stat.size} ${stat.mtimeNs} ${stat.ino}`).update('\0');
  }
  return hash.digest('hex');
}
