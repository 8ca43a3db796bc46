/**
 * A clone as the place where a task works, or a commit is judged. Its `.git` belongs to whoever works there; our git has a
 * folder in the state for it (`admin`) and shares neither configuration, refs nor objects with it. carry.ts takes commits
 * from one to the other. Made by our code and not by `git clone`, which would run with the configuration that it finds.
 */
import { lstatSync } from 'node:fs';
import { lstat, mkdir, realpath, rename, rm } from 'node:fs/promises';
import { basename, dirname, isAbsolute, join, resolve } from 'node:path';
import { removeTree } from '../host/remove-tree.ts';
import { cloneConfig, type NamedRef, packedRefs, visibleRefs } from './clone-files.ts';
import { linkObjects } from './link-objects.ts';
import { copySparse } from './linked.ts';
import { newObjectsAt } from './mend-objects.ts';
import { forgetOwnIndex } from './own-index.ts';
import { here, type Repository } from './repository.ts';
import { git } from './run.ts';
import { isFolder } from './sound.ts';
import { filesOf, forgetStore, knowWhole } from './whole.ts';
import { pointer, type Workspace, write } from './workspace.ts';

/** In `.git` of a clone: for which task it was made. Counts for a place alone that was never handed out. */
const MADE_FOR = 'rasen-task';

const adminOf = (repo: Pick<Repository, 'own'>, path: string) =>
  join(dirname(repo.own), 'at', basename(path));
const draftOf = (path: string) => `${path}.git-new`;
const taskOf = (repo: Pick<Repository, 'own'>) => basename(dirname(repo.own));

/** The clone at `path`; null where the folder, its `.git` or what we have of it is not what was made. */
export async function cloneAt(repo: Repository, path: string): Promise<Workspace | null> {
  if (!isFolder(path)) return null;
  const real = await realpath(path);
  const admin = adminOf(repo, real);
  const theirs = join(real, '.git');
  if (!isGitFolder(theirs) || !isFolder(admin)) return null;
  if (pointer(admin, 'HEAD', /^(ref: refs\/\S+|[0-9a-f]{40,64})$/) === null) return null;
  return { repo, path: real, admin, theirs, common_dir: repo.common_dir };
}

/** Makes a clone without files at `path`, which is free. `head`: a commit, or `ref: ` and a branch that is there. */
export async function makeClone(repo: Repository, path: string, head: string): Promise<Workspace> {
  await mkdir(path, { recursive: true });
  const real = await realpath(path);
  await makeGitFolder(repo, real, head);
  return { repo, path: real, ...(await makeAdmin(repo, real, head)), common_dir: repo.common_dir };
}

const isGitFolder = (path: string) =>
  [path, join(path, 'objects'), join(path, 'refs')].every(folder => isFolder(folder));

/** Makes what is lost of a clone with files. A `.git` that is none is moved beside it. */
export async function mendClone(repo: Repository, path: string, head: string): Promise<Workspace> {
  const real = await realpath(path);
  if (!isGitFolder(join(real, '.git'))) return await remakeClone(repo, real, head);
  return { repo, path: real, ...(await makeAdmin(repo, real, head)), common_dir: repo.common_dir };
}

/** Makes `.git`, and what we have of it, anew in a folder with files; what is there of that name is moved beside it. */
export async function remakeClone(repo: Repository, path: string, head: string): Promise<Workspace> {
  const real = await realpath(path);
  const old = join(real, '.git');
  if (lstatSync(old, { throwIfNoEntry: false })) await rename(old, `${real}.git-aside-${Date.now()}`);
  return await makeClone(repo, real, head);
}

async function makeAdmin(repo: Repository, path: string, head: string) {
  const admin = adminOf(repo, path);
  await mkdir(admin, { recursive: true, mode: 0o700 });
  await copySparse(repo, admin);
  // For refs git asks this file, and not GIT_COMMON_DIR.
  await write(admin, 'commondir', `${repo.own}\n`);
  await write(admin, 'HEAD', `${head}\n`);
  return { admin, theirs: join(path, '.git') };
}

/** Complete before it has its name: what is called `.git` is whole. */
async function makeGitFolder(repo: Repository, path: string, head: string): Promise<void> {
  const { captured, objects, push } = repo;
  const draft = draftOf(path);
  await removeTree(draft);
  for (const folder of ['info', 'objects', 'refs/heads', 'refs/tags'])
    await mkdir(join(draft, folder), { recursive: true });
  await write(draft, MADE_FOR, `${taskOf(repo)}\n`);
  await write(draft, 'config', cloneConfig(captured, push));
  await write(draft, 'info/exclude', captured.exclude);
  await write(draft, 'info/attributes', captured.attributes);
  await copySparse(repo, draft);
  if (captured.shallow !== null) await write(draft, 'shallow', captured.shallow);
  await linkObjects(objects, join(draft, 'objects'));
  const alternates = alternatesOf(repo);
  if (alternates !== '') await write(draft, 'objects/info/alternates', alternates);
  const branch = /^ref: (.+)$/.exec(head)?.[1] ?? null;
  const refs = visibleRefs(await namedRefs(repo), branch);
  await write(draft, 'packed-refs', packedRefs(refs));
  for (const { ref, symref } of refs.filter(({ symref }) => symref !== '')) {
    await mkdir(join(draft, dirname(ref)), { recursive: true });
    await write(draft, ref, `ref: ${symref}\n`);
  }
  await write(draft, 'HEAD', `${head}\n`);
  await rename(draft, join(path, '.git'));
  const store = join(path, '.git', 'objects');
  newObjectsAt(store);
  forgetStore(store);
  // All that the user has is in it.
  const tip = refs.find(({ ref }) => ref === branch);
  if (tip) knowWhole(store, tip.id, await filesOf(store));
}

/** Other stores that the user's objects are in; a relative one is meant from there. */
export function alternatesOf({ captured, objects }: Pick<Repository, 'captured' | 'objects'>): string {
  const lines = (captured.alternates ?? '').split('\n').filter(line => line !== '' && !line.startsWith('#'));
  return lines.map(line => `${isAbsolute(line) ? line : resolve(objects, line)}\n`).join('');
}

async function namedRefs(repo: Repository): Promise<NamedRef[]> {
  const format = '--format=%(objectname) %(refname) %(symref)';
  const { stdout } = await git(['for-each-ref', format], { ...here(repo), reads: true });
  return stdout
    .split('\n')
    .filter(line => line !== '')
    .map(line => {
      const [id = '', ref = '', symref = ''] = line.split(' ');
      return { id, ref, symref };
    });
}

/** A place that was never handed out, and in which nothing is but what a start that was cut off left there. */
export function isHalfMade(repo: Repository, path: string): boolean {
  const file = join(path, '.git');
  return isFolder(file) && pointer(file, MADE_FOR, /^(.+)$/) === taskOf(repo);
}

export async function discardClone(repo: Repository, path: string): Promise<void> {
  await forgetOwnIndex(repo, path);
  for (const folder of [path, draftOf(path)])
    await removeTree(folder, { keep: [repo.root, repo.common_dir, repo.records] });
  // Last: while it is there, a call after a crash finds the rest.
  const admin = adminOf(repo, path);
  if ((await lstat(admin).catch(() => null)) !== null) await rm(admin, { recursive: true, force: true });
}
