/**
 * Whether the files of a linked worktree are what its index says. git takes a file for unchanged when size and times are,
 * and a power cut can leave a file with all of these and zeros for content. So every worktree carries the boot in which it
 * was last brought to a commit; in another one its files are compared by content. Used before work and gates see them.
 */
import { bootId } from '../host/boot.ts';
import { handOver } from './carry.ts';
import { withRepositoryLock } from './lock.ts';
import { hasOwnIndex, installOwnIndex, rebuildOwnIndex, withOwnIndex } from './own-index.ts';
import { findCommit, type Repository } from './repository.ts';
import { git } from './run.ts';
import { mendAdmin, mendControlFiles } from './sound.ts';
import { at, isClone, pointer, type Workspace, write } from './workspace.ts';
import { workspaceAt } from './workspaces.ts';

const MARK = 'rasen-boot';

/** Its files are those of its commit now, and this machine has not gone down since. */
export async function trust(linked: Workspace): Promise<void> {
  await write(linked.admin, MARK, `${bootId()}\n`);
}

export function isTrusted(linked: Workspace): boolean {
  return pointer(linked.admin, MARK, /^(.+)$/) === bootId();
}

/** Our index becomes that of the commit; a file is unchanged only if its content is. Does nothing where files are trusted. */
export async function compareByContent(linked: Workspace, commit: string): Promise<'trusted' | 'compared'> {
  if (isTrusted(linked) && (await hasOwnIndex(linked))) return 'trusted';
  await rebuildOwnIndex(linked, commit);
  // 1: some differ.
  await git(['update-index', '-q', '--refresh'], { ...withOwnIndex(linked), ok: [0, 1] });
  return 'compared';
}

/**
 * Brings the files of a worktree of ours back to its HEAD if the machine has gone down since somebody saw that they are.
 * For gates that are run again; only who works there changes files on purpose, and is made again with a reset. False: it
 * is no worktree any more, or stands on no commit, and has to be made anew.
 */
export async function restoreWorktree(repo: Repository, path: string): Promise<boolean> {
  const linked = await workspaceAt(repo, path);
  if (linked === null) return false;
  return await withRepositoryLock(linked, async () => {
    await mendAdmin(linked);
    await mendControlFiles(repo, linked.path, false);
    const head = await findCommit(at(linked), 'HEAD');
    if (head === null) return false;
    if ((await compareByContent(linked, head)) === 'trusted') return true;
    await git(['reset', '--quiet', '--hard', head], withOwnIndex(linked));
    if (isClone(linked))
      await handOver(linked, { commit: head, branch: pointer(linked.admin, 'HEAD', /^ref: (.+)$/) });
    await installOwnIndex(linked, head);
    await trust(linked);
    return true;
  });
}
