/**
 * The content of a linked worktree as a tree, without touching its index, HEAD or files: everything happens in a copy
 * of the index. So a call that is killed changed nothing, and neither a corrupt index, a lock left behind nor flags
 * that hide changes (assume-unchanged, skip-worktree) can make the tree differ from the files.
 */
import { randomUUID } from 'node:crypto';
import { closeSync, constants, createReadStream, createWriteStream } from 'node:fs';
import { copyFile, lstat, rename, rm, utimes } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { pipeline } from 'node:stream/promises';
import { openForeign } from '../host/foreign-file.ts';
import { MAX_INDEX_BYTES, MAX_NAMED_PATHS } from './limits.ts';
import { at, type Linked } from './linked.ts';
import type { Place } from './refs.ts';
import { removeTree } from './remove-tree.ts';
import { git, isStuck, parts } from './run.ts';
import { mendAdmin, mendControlFiles } from './sound.ts';

export interface Snapshot {
  tree: string;
  /** Paths with unresolved conflicts in the worktree's own index. */
  unmerged: string[];
  /** Paths that could not be taken: repositories inside the worktree, unreadable files. At most 100. */
  left_out: string[];
  /** Files of git's that were none, and were put out of its way: "`.gitattributes` is a FIFO". */
  special: string[];
}

/** In our own folder: what is made of it is nobody's to change. */
const copyOf = ({ repo, path }: Linked) => join(repo.own, `index-${basename(path)}`);

/** `head`: commit from which the index is rebuilt when it cannot be read. */
export async function takeSnapshot(linked: Linked, head: string): Promise<Snapshot> {
  const { repo, path, admin } = linked;
  const special = [...(await mendAdmin(repo, admin)), ...(await mendControlFiles(repo, path, false))];
  try {
    return { ...(await take(linked, head)), special };
  } catch (error) {
    if (!isStuck(error)) throw error;
    const deeper = await mendControlFiles(repo, path, true);
    if (deeper.length === 0) throw error;
    return { ...(await take(linked, head)), special: [...special, ...deeper] };
  }
}

async function take(linked: Linked, head: string): Promise<Omit<Snapshot, 'special'>> {
  const copy = copyOf(linked);
  const base = at(linked);
  const place: Place = { ...base, env: { ...base.env, GIT_INDEX_FILE: copy } };
  await rm(`${copy}.lock`, { force: true });
  const sound = await copyIndex(linked, copy);
  let unmerged = sound ? await unmergedIn(place) : null;
  if (unmerged === null) {
    await rm(copy, { force: true });
    await git(['read-tree', head], place);
    unmerged = [];
  }
  const tree = await writeTree(place).catch(async () => {
    // After a power cut the index may name objects that are gone. Without it every file is taken anew.
    await rm(copy, { force: true });
    await git(['read-tree', head], place);
    return await writeTree(place);
  });
  return { tree, unmerged, left_out: await differing(place) };
}

async function writeTree(place: Place): Promise<string> {
  await unhide(place);
  await addAll(place);
  return (await git(['write-tree'], place)).stdout.trim();
}

/** Makes the copy the index of the worktree; without a copy the index is built from `commit`. */
export async function installIndex(linked: Linked, commit: string): Promise<void> {
  const copy = copyOf(linked);
  const index = join(linked.admin, 'index');
  if (await lstat(copy).catch(() => null)) {
    // Under a name that nobody can foresee, and then in one step: state and repository may be on different disks.
    const draft = join(linked.admin, `rasen-${randomUUID()}`);
    await copyFile(copy, draft, constants.COPYFILE_EXCL);
    await keepTime(copy, draft);
    await rename(draft, index);
    return await rm(copy, { force: true });
  }
  if ((await unmergedIn(at(linked))) === null) await removeTree(index);
  await git(['read-tree', '--reset', commit], at(linked));
}

export async function dropCopy(linked: Linked): Promise<void> {
  await rm(copyOf(linked), { force: true });
}

/** Paths with conflicts; null when the index cannot be read. */
export async function unmergedIn(place: Place): Promise<string[] | null> {
  const args = ['ls-files', '--unmerged', '-z'];
  const found = await git(args, { ...place, reads: true, ok: [0, 1, 128, -1] });
  if (found.code !== 0) return null;
  return [...new Set(parts(found.stdout).map(entry => entry.slice(entry.indexOf('\t') + 1)))];
}

/** Takes back flags by which changes stay unseen, unless the user works with a sparse checkout. */
export async function unhide(place: Place): Promise<void> {
  const sparse = await git(['config', '--type=bool', '--get', 'core.sparseCheckout'], {
    ...place,
    reads: true,
    ok: [0, 1],
  });
  const { stdout } = await git(['ls-files', '-v', '-z'], { ...place, reads: true });
  const entries = parts(stdout);
  const assumed = entries.filter(e => /^[a-z]/.test(e)).map(e => e.slice(2));
  const skipped = entries.filter(e => /^[sS] /.test(e)).map(e => e.slice(2));
  const clear = async (flag: string, paths: string[]) => {
    if (paths.length === 0) return;
    await git(['update-index', flag, '-z', '--stdin'], { ...place, input: `${paths.join('\0')}\0` });
  };
  await clear('--no-assume-unchanged', assumed);
  if (sparse.stdout.trim() !== 'true') await clear('--no-skip-worktree', skipped);
}

async function copyIndex({ admin }: Linked, to: string): Promise<boolean> {
  const found = openForeign({ root: admin, path: 'index' }, constants.O_RDONLY);
  if (!found.ok) return false;
  const { fd, stat } = found.value;
  if (stat.size > MAX_INDEX_BYTES) {
    closeSync(fd);
    return false;
  }
  await rm(to, { force: true });
  // No further than it reached when it was opened: it may grow for ever.
  const end = Math.max(0, stat.size - 1);
  await pipeline(createReadStream('', { fd, end }), createWriteStream(to, { flags: 'wx' }));
  await setTime(to, stat.mtimeMs);
  return true;
}

async function keepTime(from: string, to: string): Promise<void> {
  await setTime(to, (await lstat(from)).mtimeMs);
}

/**
 * git takes a file as unchanged when it is older than the index. A copy is newer than files that changed after the
 * original was written, so it must carry a time that is not later.
 */
async function setTime(path: string, mtimeMs: number): Promise<void> {
  const second = Math.floor(mtimeMs / 1000);
  await utimes(path, second, second);
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
