/**
 * Carries commits between a clone and the user's repository. Whoever works in the clone can write everything below its
 * `.git`, so our git never takes that for its git directory: it reads the clone's objects and refs through one of ours
 * (`reader`), with our configuration. What comes in is looked into by git (`fetch.fsckObjects`), and counts by its id.
 */
import { execFile } from 'node:child_process';
import { lstatSync, readlinkSync } from 'node:fs';
import { mkdir, rename, rm, symlink } from 'node:fs/promises';
import { dirname, join, relative } from 'node:path';
import { promisify } from 'node:util';
import { errnoOf, isRasenError, messageOf } from '../contract/errors.ts';
import { foreignError, readForeign, untroubled } from '../host/foreign-file.ts';
import { removeTree } from '../host/remove-tree.ts';
import { alternatesOf, remakeClone } from './clone.ts';
import { cloneConfig } from './clone-files.ts';
import { writeDurably } from './durable.ts';
import { looseFile, newObjects } from './durable-objects.ts';
import {
  MAX_CAPTURED_BYTES,
  MAX_LINKED_OBJECTS,
  MAX_ODD,
  MAX_SMALL_BYTES,
  MAX_TIPS,
  SEARCH_TIMEOUT_MS,
} from './limits.ts';
import { linkLoose } from './link-objects.ts';
import { mendObjects } from './mend-objects.ts';
import { findCommit, here, type Place, type Repository } from './repository.ts';
import { git, parts } from './run.ts';
import { isFolder, kindOf, putAside } from './sound.ts';
import { locksUnder } from './stale-locks.ts';
import { filesOf, isKnownWhole, knownTips, knowTips, knowWhole } from './whole.ts';
import { at, isClone, pointer, type Workspace, write } from './workspace.ts';

/** What a clone is on, and what else was committed in it. */
export interface Theirs {
  /** The branch of its HEAD, as a full ref; null where it is detached, or is on nothing. */
  symbolic: string | null;
  /** The commit of its HEAD; null where there is none. */
  head: string | null;
  /** Other commits that it names, with what names them. */
  tips: Tip[];
}

export interface Tip {
  name: string;
  commit: string;
}

export interface TakenOver extends Theirs {
  /** What could not be taken over and why, as sentences. Then `head` is null, or a tip is missing. */
  problems: string[];
}

/** Looks; takes nothing over. */
export async function lookInto(workspace: Workspace): Promise<Theirs> {
  const refs = await theirRefs(workspace);
  const said = pointer(workspace.theirs, 'HEAD', /^(ref: refs\/\S+|[0-9a-f]{40,64})$/);
  const symbolic = said?.startsWith('ref: ') ? said.slice('ref: '.length) : null;
  const head = symbolic === null ? said : (refs.find(({ name }) => name === symbolic)?.commit ?? null);
  const more = [...refs, ...(await unfinished(workspace))].filter(
    ({ name }) => !name.startsWith('refs/remotes/'),
  );
  return { symbolic, head, tips: more.filter(({ name }) => name !== symbolic) };
}

/**
 * Brings what was committed in the clone into the user's objects, without a ref: the caller makes those. Does not throw
 * for what somebody did in the clone. `named`: commits that refs of the user's are known to name.
 */
export async function takeOver(
  workspace: Workspace,
  named: readonly (string | null)[] = [],
): Promise<TakenOver> {
  const ours = idsOfUser(workspace);
  const problems = await mendTheirs(workspace);
  let found: Theirs;
  try {
    found = await lookInto(workspace);
  } catch (error) {
    return { symbolic: null, head: null, tips: [], problems: [...problems, failed('its commits', error)] };
  }
  const ids = [found.head, ...found.tips.map(({ commit }) => commit)];
  const known = await ours(ids.filter(id => !named.includes(id)));
  for (const id of named) if (id !== null) known.add(id);
  const isNew = (commit: string | null): commit is string => commit !== null && !known.has(commit);
  const tips = found.tips.filter(({ commit }) => isNew(commit));
  if (tips.length > MAX_TIPS)
    problems.push(`only ${MAX_TIPS} of ${tips.length} branches, tags and stashes were taken over`);
  const wanted = tips.slice(0, MAX_TIPS);
  const all = [...new Set([found.head, ...wanted.map(({ commit }) => commit)].filter(isNew))];
  if (all.length === 0 || (await fetched(workspace, all)) === null)
    return { ...found, tips: wanted, problems };
  // One of them is damaged, or holds what git refuses. HEAD counts most.
  const head_problem = isNew(found.head) ? await fetched(workspace, [found.head]) : null;
  if (head_problem !== null) problems.push(failed('the commits of its HEAD', head_problem));
  const taken: Tip[] = [];
  for (const tip of wanted) {
    const problem = await fetched(workspace, [tip.commit]);
    if (problem === null) taken.push(tip);
    else problems.push(failed(tip.name, problem));
  }
  return { ...found, head: head_problem === null ? found.head : null, tips: taken, problems };
}

/** What HEAD of the workspace is on; of a clone the commits are in the user's objects then. */
export async function standsOn(
  workspace: Workspace,
  named: readonly (string | null)[] = [],
): Promise<TakenOver> {
  if (isClone(workspace)) return await takeOver(workspace, named);
  const symbolic = pointer(workspace.admin, 'HEAD', /^ref: (.+)$/);
  return { symbolic, head: await findCommit(at(workspace), 'HEAD'), tips: [], problems: [] };
}

const failed = (what: string, error: unknown) =>
  `${what} could not be taken over: ${messageOf(error).split('\n').slice(0, 3).join(' ').slice(0, 500)}`;

/** null: they are there. */
async function fetched(workspace: Workspace, ids: readonly string[]): Promise<unknown> {
  try {
    const from = await reader(workspace);
    await git([...FETCH, from, ...ids], here(workspace.repo));
    return null;
  } catch (error) {
    if (isOurs(error)) throw error;
    return error;
  }
}

/** A full disk or the like is no fault of whoever works there. */
const isOurs = (error: unknown) => !isRasenError(error) || error.data?.trouble !== undefined;

const FETCH = ['fetch', '--quiet', '--no-tags', '--no-write-fetch-head', '--no-recurse-submodules'];

/** What a commit adds to another one, which the clone had when the attempt began. */
export interface Added {
  base: string;
  /** Objects, none of which is missing; some may not be new. */
  ids: readonly string[];
}

/**
 * Makes the clone stand on `commit`: its objects are there, its branch, or else its HEAD, is at it. A `.git` in which that
 * cannot be done is moved aside and made anew. `branch` as a full ref, or null. `added`: what it may lack, where the
 * caller knows that. `theirs`: what was found in it just before; nobody has worked there since.
 */
export async function handOver(
  workspace: Workspace,
  {
    commit,
    branch,
    added = null,
    theirs = null,
  }: { commit: string; branch: string | null; added?: Added | null; theirs?: Theirs | null },
): Promise<void> {
  if (theirs === null) await mendTheirs(workspace);
  await clearTheirLocks(workspace);
  const head = branch === null ? commit : `ref: ${branch}`;
  try {
    const isRemade = await mendSettings(workspace);
    if (isRemade) await remakeClone(workspace.repo, workspace.path, head);
    await bring(workspace, commit, added);
    const isThere = !isRemade && theirs?.symbolic === branch && theirs.head === commit;
    if (branch !== null && !isThere) await moveBranch(workspace, branch, commit);
    if (pointer(workspace.theirs, 'HEAD', /^(.+)$/) !== head)
      await write(workspace.theirs, 'HEAD', `${head}\n`);
  } catch (error) {
    if (isOurs(error)) throw error;
    await remakeClone(workspace.repo, workspace.path, head);
    // What no ref names yet is not in it.
    await bring(workspace, commit, added);
  }
}

const IN_THE_WAY: ReadonlySet<string> = new Set(['EEXIST', 'ENOTDIR', 'EISDIR', 'ELOOP']);

/** As `update-ref` would, without a program where the branch is there: then no other name is in its way. */
async function moveBranch(workspace: Workspace, branch: string, commit: string): Promise<void> {
  const { theirs } = workspace;
  const packed = { root: theirs, path: 'packed-refs' };
  const found = readForeign(packed, MAX_CAPTURED_BYTES);
  const isPacked = found.ok && found.value.bytes.toString('utf8').includes(` ${branch}\n`);
  if (isPacked || pointer(theirs, branch, /^([0-9a-f]{40,64})$/) !== null) {
    try {
      await mkdir(dirname(join(theirs, branch)), { recursive: true });
      return await write(theirs, branch, `${commit}\n`);
    } catch (error) {
      // A file, or a link, where a folder of the name should be: git says what it makes of that.
      if (!IN_THE_WAY.has(errnoOf(error) ?? '')) throw error;
    }
  }
  await git(['update-ref', '--no-deref', branch, commit], await readerPlace(workspace));
}

/**
 * Sees that git works in the clone: its settings can be read, it has a working tree and nobody else's refs. Settings that are
 * fine stay, since programs that were set up there have written some. True: it was made anew by whoever works there, with
 * other ids or other files for refs, so that its git would not read what we write.
 */
async function mendSettings({ theirs, repo }: Workspace): Promise<boolean> {
  // What makes it the worktree of another repository.
  for (const name of ['commondir', 'gitdir']) await removeTree(join(theirs, name));
  const made = cloneConfig(repo.captured, repo.push);
  const place = { root: theirs, path: 'config' };
  const file = untroubled(place, readForeign(place, MAX_CAPTURED_BYTES));
  const text = file.ok ? file.value.bytes.toString('utf8') : null;
  if (text === made) return false;
  const settings = text === null ? null : await settingsIn(text, repo);
  const last = (name: string) => settings?.findLast(([key]) => key === name)?.[1]?.toLowerCase();
  const ours = repo.captured.config.findLast(([key]) => key === 'extensions.objectformat')?.[1] ?? 'sha1';
  const isOther =
    (last('extensions.objectformat') ?? ours) !== ours || last('extensions.refstorage') === 'reftable';
  if (settings !== null && isOther) return true;
  const bare = settings?.findLast(([key]) => key === 'core.bare');
  const isBare = bare !== undefined && !/^(?:false|no|off|0|)$/i.test(bare[1] ?? 'true');
  if (settings === null || isBare || last('core.worktree') !== undefined) await write(theirs, 'config', made);
  return false;
}

/** Of the text alone; null: git cannot read it. */
async function settingsIn(
  text: string,
  repo: Repository,
): Promise<[key: string, value: string | null][] | null> {
  const args = ['config', '--file', '-', '--no-includes', '--list', '-z'];
  const { code, stdout } = await git(args, {
    ...{ ...here(repo), reads: true, ok: [0, 1, 128] },
    input: text,
  });
  if (code !== 0) return null;
  return parts(stdout).map(entry => {
    const end = entry.indexOf('\n');
    return end < 0 ? [entry, null] : [entry.slice(0, end), entry.slice(end + 1)];
  });
}

async function bring(workspace: Workspace, commit: string, added: Added | null): Promise<void> {
  const { repo, theirs } = workspace;
  const store = join(theirs, 'objects');
  const files = await filesOf(store);
  if (isKnownWhole(store, commit, files)) return;
  const isKnown = added !== null && isKnownWhole(store, added.base, files);
  const place = await readerPlace(workspace);
  const walk = ['rev-list', '--objects', '--quiet', '--no-walk', commit];
  const isThere = async () => (await git(walk, { ...place, reads: true, ok: [0, 128] })).code === 0;
  const know = async () => knowWhole(store, commit, await filesOf(store));
  if (added === null && (await isThere())) return await know();
  // A fetch would ask the one side for a pack and take it apart on the other, which takes longer than all else of a seal.
  const ids =
    added !== null && added.ids.length <= MAX_LINKED_OBJECTS ? added.ids : await addedBy(repo, commit);
  const isLinked = ids !== null && (await linkLoose(repo.objects, store, ids.map(looseFile)));
  if (isKnown && isLinked && ids === added.ids) return knowWhole(store, commit, new Set([...files!, ...ids]));
  if (await isThere()) return await know();
  await git([...FETCH, repo.own, commit], place);
  await git(walk, { ...place, reads: true });
  await know();
}

/** The objects that a commit adds to its first parent; null: it has none, or they are too many to look for. */
async function addedBy(repo: Repository, commit: string): Promise<string[] | null> {
  const range = { from: `${commit}^`, to: commit };
  return await newObjects(here(repo), range, MAX_LINKED_OBJECTS).catch(error => {
    if (isOurs(error)) throw error;
    return null;
  });
}

/** Our git over the refs and objects of the clone. */
async function readerPlace(workspace: Workspace): Promise<Place> {
  const { repo } = workspace;
  const folder = await reader(workspace);
  const env = { ...repo.env, GIT_DIR: folder, GIT_NO_LAZY_FETCH: '1' };
  return { cwd: folder, env, repo, stuck: () => stuckOn(workspace.theirs) };
}

/** Its settings, besides those of our git directory: nothing that lies with the objects steers git. */
const READER = '[core]\n\tcommitGraph = false\n\tmultiPackIndex = false\n\tuseReplaceRefs = false\n';

const reader = ({ repo, admin, theirs }: Workspace) => readerOf(repo, theirs, join(admin, 'theirs'));

/** Makes `folder` a git directory of ours over the objects and refs of `theirs`, if it is none yet. */
export async function readerOf(repo: Repository, theirs: string, folder: string): Promise<string> {
  const objects = join(theirs, 'objects');
  if (isFolder(folder) && readlinkSync(join(folder, 'objects')) === objects) return folder;
  const draft = `${folder}.new`;
  await rm(draft, { recursive: true, force: true });
  await mkdir(join(draft, 'info'), { recursive: true, mode: 0o700 });
  const own = { root: repo.own, path: 'config' };
  const config = readForeign(own, MAX_CAPTURED_BYTES * 16);
  if (!config.ok) throw foreignError(own, config);
  await writeDurably(join(draft, 'config'), `${config.value.bytes.toString('utf8')}${READER}`);
  await writeDurably(join(draft, 'HEAD'), 'ref: refs/heads/rasen-none\n');
  for (const name of ['objects', 'refs', 'packed-refs', 'shallow'])
    await symlink(join(theirs, name), join(draft, name));
  await rm(folder, { recursive: true, force: true });
  await rename(draft, folder);
  return folder;
}

async function theirRefs(workspace: Workspace): Promise<Tip[]> {
  const format = '--format=%(objectname) %(objecttype) %(*objectname) %(*objecttype) %(refname)';
  const { stdout } = await git(['for-each-ref', format], { ...(await readerPlace(workspace)), reads: true });
  return stdout.split('\n').flatMap(line => {
    const [id = '', type, peeled = '', peeled_type, ...name] = line.split(' ');
    if (type === 'commit') return [{ name: name.join(' '), commit: id }];
    return peeled_type === 'commit' ? [{ name: name.join(' '), commit: peeled }] : [];
  });
}

const UNFINISHED = ['MERGE_HEAD', 'MERGE_AUTOSTASH', 'rebase-merge/autostash', 'rebase-apply/autostash'];

/** What a merge or a rebase that was not ended names, and stashes beneath the last one. */
async function unfinished({ theirs }: Workspace): Promise<Tip[]> {
  const found: Tip[] = [];
  const text = (path: string) => {
    const place = { root: theirs, path };
    const read = untroubled(place, readForeign(place, MAX_CAPTURED_BYTES));
    return read.ok ? read.value.bytes.toString('utf8') : '';
  };
  for (const name of UNFINISHED)
    for (const id of text(name).split('\n'))
      if (/^[0-9a-f]{40,64}$/.test(id)) found.push({ name, commit: id });
  for (const line of text('logs/refs/stash').split('\n')) {
    const id = /^[0-9a-f]+ ([0-9a-f]{40,64}) /.exec(line)?.[1];
    if (id !== undefined) found.push({ name: 'refs/stash', commit: id });
  }
  return found;
}

/** Begins to ask where nothing is known yet; else asks only for ids of which nothing is known. */
function idsOfUser(workspace: Workspace): (ids: readonly (string | null)[]) => Promise<Set<string>> {
  const store = join(workspace.theirs, 'objects');
  const before = knownTips(store);
  const asked = before === null ? idsNow(workspace) : null;
  // Nobody may wait for it.
  asked?.catch(() => {});
  return async ids => {
    if (before !== null && ids.every(id => id === null || before.has(id))) return new Set(before);
    const now = await (asked ?? idsNow(workspace));
    if (before === null) knowTips(store, new Set(now));
    return new Set([...now, ...(before ?? [])]);
  };
}

async function idsNow({ repo }: Workspace): Promise<Set<string>> {
  const args = ['for-each-ref', '--format=%(objectname) %(*objectname)'];
  const { stdout } = await git(args, { ...here(repo), reads: true });
  return new Set(stdout.split(/\s+/).filter(id => id !== ''));
}

/**
 * Puts aside what git could wait for, or be led away by: special files and links below `.git`, objects of elsewhere. Hooks
 * and what is not git's own are left alone. The result says what that was.
 */
export async function mendTheirs(workspace: Workspace): Promise<string[]> {
  const { theirs, repo } = workspace;
  const said: string[] = [];
  for (const path of await oddIn(theirs)) {
    const stat = lstatSync(path, { throwIfNoEntry: false });
    if (stat === undefined) continue;
    const what = stat.isFile() ? 'is too large' : kindOf(stat);
    said.push(`${relative(theirs, path)} in git’s folder of the clone ${what}`);
    await putAside({ common_dir: theirs }, path);
  }
  const file = { root: theirs, path: 'objects/info/alternates' };
  const found = untroubled(file, readForeign(file, MAX_CAPTURED_BYTES));
  const is_ours = found.ok
    ? found.value.bytes.toString('utf8') === alternatesOf(repo)
    : found.fault === 'missing';
  if (!is_ours) {
    const path = join(theirs, file.path);
    said.push('objects/info/alternates in git’s folder of the clone names other object stores');
    await putAside({ common_dir: theirs }, path);
    if (alternatesOf(repo) !== '') await write(theirs, file.path, alternatesOf(repo));
  }
  await mendObjects({ common_dir: theirs, objects: join(theirs, 'objects') });
  return said;
}

/** Who works there may have links among its hooks and in what other programs keep there. */
const LEFT_ALONE = ['hooks', 'lfs', 'rasen'];

async function stuckOn(theirs: string): Promise<string | null> {
  const [path] = await oddIn(theirs);
  return path === undefined ? null : `${path} is no ordinary file`;
}

async function oddIn(theirs: string): Promise<string[]> {
  const prune = LEFT_ALONE.flatMap((name, i) => [...(i === 0 ? [] : ['-o']), '-path', join(theirs, name)]);
  // In blocks of 512 bytes: what is too large for a ref, and what git would read as one all the same.
  const large = ['-path', join(theirs, 'refs', '*'), '-type', 'f', '-size', `+${MAX_SMALL_BYTES / 512}`];
  const odd = ['(', '!', '-type', 'f', '!', '-type', 'd', ')', '-o', '(', ...large, ')'];
  const args = [theirs, '-xdev', '(', ...prune, ')', '-prune', '-o', '(', ...odd, ')', '-print0'];
  const { stdout } = await promisify(execFile)('find', args, {
    timeout: SEARCH_TIMEOUT_MS,
    maxBuffer: 16 * 1024 * 1024,
  }).catch(error => ({ stdout: String((error as { stdout?: unknown }).stdout ?? '') }));
  return stdout
    .split('\0')
    .filter(path => path !== '')
    .slice(0, MAX_ODD);
}

/** Nobody works there any more: a lock has no owner. */
export async function clearTheirLocks({ theirs }: Workspace): Promise<void> {
  for (const lock of await locksUnder(theirs)) await removeTree(lock);
}

/** Where our git is in the workspace, for questions that change nothing and see what its own git sees. */
export async function insidePlace(workspace: Workspace): Promise<Place> {
  const { theirs, path } = workspace;
  const place = await readerPlace(workspace);
  return {
    ...place,
    cwd: path,
    env: { ...place.env, GIT_DIR: theirs, GIT_COMMON_DIR: place.env.GIT_DIR, GIT_WORK_TREE: path },
  };
}
