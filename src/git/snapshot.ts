/**
 * The content of a linked worktree as a tree, without touching its index, HEAD or files: everything happens in an index
 * of our own. So a call that is killed changed nothing, and nothing that an agent does to the worktree's index can make
 * the tree differ from the files.
 */
import { isRasenError } from '../contract/errors.ts';
import { troubleOf } from '../host/trouble.ts';
import { MAX_NAMED_PATHS } from './limits.ts';
import { openOwnIndex, rebuildOwnIndex } from './own-index.ts';
import type { Place } from './refs.ts';
import { git, isStuck, parts } from './run.ts';
import { mendAdmin, mendControlFiles } from './sound.ts';
import type { Workspace } from './workspace.ts';

export interface Snapshot {
  tree: string;
  /** Files that differ from `head`. */
  changed: number;
  /** All objects of `tree` that those of `head` do not have, and perhaps others of it. */
  objects: string[];
  /** Paths with unresolved conflicts in the worktree's own index. */
  unmerged: string[];
  /** Paths that could not be taken: repositories inside the worktree, unreadable files. At most 100. */
  left_out: string[];
  /** Files of git's that were none, and were put out of its way: "`.gitattributes` is a FIFO". */
  special: string[];
}

/** `head`: commit that it is compared with, and from which our index is built where there is none. */
export async function takeSnapshot(linked: Workspace, head: string | Promise<string>): Promise<Snapshot> {
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

async function take(linked: Workspace, head: string | Promise<string>): Promise<Omit<Snapshot, 'special'>> {
  const { place, unmerged } = await openOwnIndex(linked, head);
  const simple = await takeAll(place, head);
  if (simple !== null) return { ...simple, unmerged, left_out: [] };
  // Once more, from the same index: looking for what cannot be taken costs a walk over all files, twice.
  const compared = await head;
  await openOwnIndex(linked, compared);
  const careful = async () => {
    await add(place, await nestedIn(place));
    return await treeOf(place, compared);
  };
  const taken = await careful().catch(async error => {
    if (isStuck(error)) throw error;
    // After a power cut the index may name objects that are gone. Without it every file is taken anew.
    await rebuildOwnIndex(linked, compared);
    return await careful();
  });
  return { ...taken, unmerged, left_out: await differing(place) };
}

type Taken = Pick<Snapshot, 'tree' | 'changed' | 'objects'>;

/** null: not all that is there can be taken so, or the index is damaged. */
async function takeAll(place: Place, head: string | Promise<string>): Promise<Taken | null> {
  try {
    if (!(await add(place, []))) return null;
    const taken = await treeOf(place, await head);
    return taken.has_new_links ? null : taken;
  } catch (error) {
    if (isStuck(error) || !isRasenError(error) || troubleOf(error) !== null) throw error;
    return null;
  }
}

/**
 * The objects are on the disk when the commit that is made of them has its ref (syncObjects), all at once and not one by
 * one. The index need not be: after a power cut it is made anew (trust.ts), whatever it holds.
 */
const LATER = ['core.fsync=-loose-object,reference'];

async function treeOf(place: Place, head: string): Promise<Taken & { has_new_links: boolean }> {
  const tree = (await git(['write-tree'], { ...place, settings: LATER })).stdout.trim();
  const args = ['diff-tree', '-r', '-t', '-z', '--raw', '--no-abbrev', '--no-renames', head, tree];
  // `:<mode before> <mode after> <id before> <id after> <status>`, and then the path, which may look like one.
  const changes = parts((await git(args, { ...place, reads: true })).stdout)
    .filter((_, i) => i % 2 === 0)
    .map(line => line.slice(1).split(' '));
  const has_new_links = changes.some(([was, is]) => is === LINK && was !== LINK);
  const objects = changes.flatMap(([, is, , id]) => (is === NONE || is === LINK ? [] : [id!]));
  const changed = changes.filter(([was, is]) => was !== FOLDER && is !== FOLDER).length;
  return { tree, changed, objects: changed > 0 ? [tree, ...objects] : [], has_new_links };
}

/** Modes, as git writes them. */
const [NONE, FOLDER, LINK] = ['000000', '040000', '160000'];

/** A repository inside the worktree would become a link to a commit that nobody else has. */
async function nestedIn(place: Place): Promise<string[]> {
  const args = ['ls-files', '--others', '--exclude-standard', '-z'];
  const { stdout } = await git(args, { ...place, reads: true });
  return parts(stdout).filter(path => path.endsWith('/'));
}

/** False: some files could not be read, or are of a repository inside that has no commit. */
async function add(place: Place, without: readonly string[]): Promise<boolean> {
  const pathspecs = ['.', ...without.map(path => `:(exclude,literal)${path.slice(0, -1)}`)];
  const { code } = await git(
    ['add', '-A', '--ignore-errors', '--pathspec-from-file=-', '--pathspec-file-nul'],
    { ...place, settings: LATER, input: `${pathspecs.join('\0')}\0`, ok: [0, 1] },
  );
  return code === 0;
}

async function differing(place: Place): Promise<string[]> {
  const args = ['ls-files', '--others', '--modified', '--deleted', '--exclude-standard', '-z'];
  const { stdout } = await git(args, { ...place, reads: true });
  return [...new Set(parts(stdout))].slice(0, MAX_NAMED_PATHS);
}
