/**
 * The index that our git works with in a linked worktree. git takes a file as unchanged when size and times are those in
 * the index, so an index that an agent has written can say anything. Ours lies in our git directory: it is the one that
 * we last left in the worktree, and knows of the worktree's own no more than which other names are in it. It is put into
 * the worktree when our work there is done. Flags that hide changes, locks and damage of the worktree's own do not matter.
 */

import { randomUUID } from 'node:crypto';
import { closeSync, constants, createReadStream, createWriteStream, readSync } from 'node:fs';
import { copyFile, link, lstat, open, rename, rm, utimes } from 'node:fs/promises';
import { join } from 'node:path';
import { pipeline } from 'node:stream/promises';
import { openForeign, untroubled } from '../host/foreign-file.ts';
import { troubleOf, unlessTrouble } from '../host/trouble.ts';
import { MAX_INDEX_BYTES } from './limits.ts';
import type { Place } from './refs.ts';
import type { Repository } from './repository.ts';
import { git, parts } from './run.ts';
import { at, indexFiles, type Workspace } from './workspace.ts';

/** git in the worktree with our index, whatever that holds. */
export function withOwnIndex(linked: Workspace): Place {
  const place = at(linked);
  const { copy } = indexFiles(linked.repo, linked.path);
  return { ...place, env: { ...place.env, GIT_INDEX_FILE: copy } };
}

export interface OwnIndex {
  place: Place;
  /** Paths with unresolved conflicts in the worktree's own index. */
  unmerged: string[];
}

/** Makes our index for work in the worktree. `head`: the commit from which it is built where we left none there. */
export async function openOwnIndex(linked: Workspace, head: string | Promise<string>): Promise<OwnIndex> {
  const { copy, kept } = indexFiles(linked.repo, linked.path);
  const place = withOwnIndex(linked);
  await rm(`${copy}.lock`, { force: true });
  await rm(copy, { force: true });
  // git puts a new index in the place of the old one, and never writes into that.
  // Some disks have no second names.
  if (await isThere(kept)) await link(kept, copy).catch(() => copyWithTime(kept, copy));
  else await git(['read-tree', await head], place);
  // Where nobody has written it since it was put there, it says nothing new.
  const isNew = await copyTheirs(linked, { to: `${copy}.theirs`, unless: copy });
  const theirs = isNew ? await entriesOf(linked, `${copy}.theirs`) : null;
  await rm(`${copy}.theirs`, { force: true });
  if (theirs !== null) await addNamesTo(linked, head, theirs.entries);
  return { place, unmerged: theirs?.unmerged ?? [] };
}

/** What we keep is not synced: one that a power cut has torn is made anew. */
async function addNamesTo(
  linked: Workspace,
  head: string | Promise<string>,
  entries: Entry[],
): Promise<void> {
  const place = withOwnIndex(linked);
  try {
    await addNames(place, entries);
  } catch (error) {
    if (troubleOf(error) !== null) throw error;
    await rebuildOwnIndex(linked, await head);
    await addNames(place, entries);
  }
}

/** Builds it from a commit alone: every file is then looked into. */
export async function rebuildOwnIndex(linked: Workspace, commit: string): Promise<void> {
  await rm(indexFiles(linked.repo, linked.path).copy, { force: true });
  await git(['read-tree', commit], withOwnIndex(linked));
}

/**
 * git with the index that we have left in the worktree, to look at its files; null: there is none, or somebody has written
 * another one there since.
 */
export async function asWeLeftIt(linked: Workspace): Promise<Place | null> {
  const { kept } = indexFiles(linked.repo, linked.path);
  if (!(await isThere(kept))) return null;
  const theirs = openTheirs(linked);
  if (theirs === null) return null;
  try {
    if (!isSame(endOf(theirs.fd, theirs.size), await endOfFile(kept))) return null;
  } finally {
    closeSync(theirs.fd);
  }
  const place = at(linked);
  return { ...place, env: { ...place.env, GIT_INDEX_FILE: kept } };
}

/** Whether we have left an index in the worktree that its files can be compared with. */
export async function hasOwnIndex({ repo, path }: Workspace): Promise<boolean> {
  return await isThere(indexFiles(repo, path).kept);
}

/** Puts our index into the worktree and keeps it. Without one it is made of `commit`. */
export async function installOwnIndex(linked: Workspace, commit: string): Promise<void> {
  const { copy, kept } = indexFiles(linked.repo, linked.path);
  if (!(await isThere(copy))) {
    if (await isThere(kept)) await copyWithTime(kept, copy);
    await git(['read-tree', '--reset', commit], withOwnIndex(linked));
  }
  // Under a name that nobody can foresee, and then in one step: state and repository may be on different disks.
  const draft = join(linked.theirs, `rasen-${randomUUID()}`);
  await copyWithTime(copy, draft);
  await rename(draft, join(linked.theirs, 'index'));
  await rename(copy, kept);
  // Two names of one file stay as they are.
  await rm(copy, { force: true });
}

export async function dropOwnIndex({ repo, path }: Workspace): Promise<void> {
  await rm(indexFiles(repo, path).copy, { force: true });
}

/** When the worktree itself goes. */
export async function forgetOwnIndex(repo: Repository, path: string): Promise<void> {
  const { copy, kept } = indexFiles(repo, path);
  for (const file of [copy, kept]) await rm(file, { force: true });
}

interface Entry {
  path: string;
  /** `<mode> <id>`, as `update-index --index-info` takes it. */
  what: string;
}

/** null: there is none that git can read. */
async function entriesOf(
  linked: Workspace,
  copy: string,
): Promise<{ entries: Entry[]; unmerged: string[] } | null> {
  const place = at(linked);
  const args = ['ls-files', '--stage', '-z'];
  const found = await git(args, {
    ...place,
    env: { ...place.env, GIT_INDEX_FILE: copy },
    reads: true,
    ok: [0, 1, 128, -1],
  });
  if (found.code !== 0) return null;
  const entries: Entry[] = [];
  const unmerged = new Set<string>();
  for (const line of parts(found.stdout)) {
    const tab = line.indexOf('\t');
    const [mode, id, stage] = line.slice(0, tab).split(' ');
    const path = line.slice(tab + 1);
    if (stage === '0') entries.push({ path, what: `${mode} ${id}` });
    else unmerged.add(path);
  }
  return { entries, unmerged: [...unmerged] };
}

/**
 * False: there is none, or it is the same as `unless`. No further than it reached when it was opened: it may grow for ever.
 */
async function copyTheirs(
  linked: Workspace,
  { to, unless }: { to: string; unless: string },
): Promise<boolean> {
  const found = openTheirs(linked);
  if (found === null) return false;
  const { fd, size } = found;
  try {
    if (isSame(endOf(fd, size), await endOfFile(unless))) return false;
    await rm(to, { force: true });
    const all = { fd, start: 0, end: size - 1, autoClose: false };
    await pipeline(createReadStream('', all), createWriteStream(to, { flags: 'wx' }));
    return true;
  } finally {
    closeSync(fd);
  }
}

/** null: there is none that could be one. */
function openTheirs({ theirs }: Workspace): { fd: number; size: number } | null {
  const index = { root: theirs, path: 'index' };
  const found = untroubled(index, openForeign(index, constants.O_RDONLY));
  if (!found.ok) return null;
  const { fd, stat } = found.value;
  if (stat.size > 0 && stat.size <= MAX_INDEX_BYTES) return { fd, size: stat.size };
  closeSync(fd);
  return null;
}

/** Names that we do not know, with nothing said of their files: those are looked into. */
async function addNames(place: Place, entries: readonly Entry[]): Promise<void> {
  const { stdout } = await git(['ls-files', '-z'], { ...place, reads: true });
  const known = new Set(parts(stdout));
  const more = entries.filter(({ path }) => !known.has(path));
  if (more.length === 0) return;
  const input = more.map(({ path, what }) => `${what}\t${path}\0`).join('');
  await git(['update-index', '--replace', '-z', '--index-info'], { ...place, input });
}

/**
 * git takes a file as unchanged when it is older than the index. A copy is newer than files that changed after the
 * original was written, so it must carry a time that is not later.
 */
async function copyWithTime(from: string, to: string): Promise<void> {
  await copyFile(from, to, constants.COPYFILE_EXCL);
  const second = Math.floor((await lstat(from)).mtimeMs / 1000);
  await utimes(to, second, second);
}

interface End {
  size: number;
  end: Buffer;
}

/** By the checksum that git puts at the end of an index, and their length. */
const isSame = (a: End, b: End): boolean =>
  a.size === b.size && a.end.equals(b.end) && a.end.some(byte => byte !== 0);

function endOf(fd: number, size: number): End {
  const end = Buffer.alloc(Math.min(size, 20));
  readSync(fd, end, 0, end.length, size - end.length);
  return { size, end };
}

async function endOfFile(path: string): Promise<End> {
  const file = await open(path, 'r');
  try {
    return endOf(file.fd, (await file.stat()).size);
  } finally {
    await file.close();
  }
}

const isThere = async (path: string) => (await lstat(path).catch(unlessTrouble(null))) !== null;
