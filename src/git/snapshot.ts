/**
 * The content of a linked worktree as a tree, without touching its index, HEAD or files: everything happens in an index
 * of our own. So a call that is killed changed nothing, and nothing that an agent does to the worktree's index can make
 * the tree differ from the files.
 */
import { MAX_NAMED_PATHS } from './limits.ts';
import { openOwnIndex, rebuildOwnIndex } from './own-index.ts';
import type { Place } from './refs.ts';
import { git, isStuck, parts } from './run.ts';
import { mendAdmin, mendControlFiles } from './sound.ts';
import type { Workspace } from './workspace.ts';

export interface Snapshot {
  tree: string;
  /** Paths with unresolved conflicts in the worktree's own index. */
  unmerged: string[];
  /** Paths that could not be taken: repositories inside the worktree, unreadable files. At most 100. */
  left_out: string[];
  /** Files of git's that were none, and were put out of its way: "`.gitattributes` is a FIFO". */
  special: string[];
}

/** `head`: commit from which our index is built where there is none. */
export async function takeSnapshot(linked: Workspace, head: string): Promise<Snapshot> {
  const { repo, path } = linked;
  const special = [...(await mendAdmin(linked)), ...(await mendControlFiles(repo, path, false))];
  try {
    return { ...(await take(linked, head)), special };
  } catch (error) {
    if (!isStuck(error)) throw error;
    const deeper = await mendControlFiles(repo, path, true);
    if (deeper.length === 0) throw error;
    return { ...(await take(linked, head)), special: [...special, ...deeper] };
  }
}

async function take(linked: Workspace, head: string): Promise<Omit<Snapshot, 'special'>> {
  const { place, unmerged } = await openOwnIndex(linked, head);
  const tree = await writeTree(place).catch(async error => {
    if (isStuck(error)) throw error;
    // After a power cut the index may name objects that are gone. Without it every file is taken anew.
    await rebuildOwnIndex(linked, head);
    return await writeTree(place);
  });
  return { tree, unmerged, left_out: await differing(place) };
}

async function writeTree(place: Place): Promise<string> {
  await addAll(place);
  return (await git(['write-tree'], place)).stdout.trim();
}

async function addAll(place: Place): Promise<void> {
  // A repository inside the worktree would become a link to a commit that nobody else has.
  const args = ['ls-files', '--others', '--exclude-standard', '-z'];
  const { stdout } = await git(args, { ...place, reads: true });
  const nested = parts(stdout).filter(path => path.endsWith('/'));
  const pathspecs = ['.', ...nested.map(path => `:(exclude,literal)${path.slice(0, -1)}`)];
  await git(['add', '-A', '--ignore-errors', '--pathspec-from-file=-', '--pathspec-file-nul'], {
    ...place,
    input: `${pathspecs.join('\0')}\0`,
    // 1: some files could not be read; they are named in left_out.
    ok: [0, 1],
  });
}

async function differing(place: Place): Promise<string[]> {
  const args = ['ls-files', '--others', '--modified', '--deleted', '--exclude-standard', '-z'];
  const { stdout } = await git(args, { ...place, reads: true });
  return [...new Set(parts(stdout))].slice(0, MAX_NAMED_PATHS);
}
