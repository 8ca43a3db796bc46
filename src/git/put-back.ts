/**
 * Files of an earlier commit in a throw-away checkout of a later one. For gates with the tests of the base commit; works
 * with names as they are, never as patterns.
 */
import { join, posix } from 'node:path';
import { removeTree } from '../host/remove-tree.ts';
import { MAX_WHOLE_BYTES } from './limits.ts';
import { withRepositoryLock } from './lock.ts';
import { here, type Repository } from './repository.ts';
import { git, parts } from './run.ts';
import { at } from './workspace.ts';
import { requireWorkspace } from './workspaces.ts';

export interface Differing {
  /** In the earlier commit and not, or not so, in the later one. */
  earlier: string[];
  /** Only in the later one. */
  added: string[];
}

/** What differs between two commits, name by name: a file that was renamed is gone here and new there. */
export async function differingFiles(
  repo: Repository,
  from: string,
  to: string,
  isWanted: (path: string) => boolean,
): Promise<Differing> {
  const args = ['diff', '--no-renames', '--no-ext-diff', '--name-status', '-z', from, to, '--'];
  const fields = parts((await git(args, { ...here(repo), reads: true })).stdout);
  const found: Differing = { earlier: [], added: [] };
  for (let i = 0; i + 1 < fields.length; i += 2) {
    const path = fields[i + 1]!;
    if (isWanted(path)) (fields[i] === 'A' ? found.added : found.earlier).push(path);
  }
  return found;
}

export async function filesOf(repo: Repository, commit: string): Promise<string[]> {
  const args = ['ls-tree', '-r', '-z', '--name-only', '--full-tree', commit];
  return parts((await git(args, { ...here(repo), reads: true })).stdout);
}

/** Longest path that is looked for. */
const MAX_PATH = 4096;
const LEADS_OUT = /^(?:\/|\.\.?(?:\/|$))|\/$|\0/;

export async function textAt(repo: Repository, commit: string, path: string): Promise<string | null> {
  return (await textsAt(repo, commit, [path]))[0]!;
}

/**
 * The texts of files in a commit; null: it is not there, is no file, or has more than a megabyte. A path may be any word,
 * such as the program of a gate: what leads out of the tree is not there.
 */
export async function textsAt(
  repo: Repository,
  commit: string,
  paths: readonly string[],
): Promise<(string | null)[]> {
  const where = { ...here(repo), reads: true };
  const names = paths.map(path => posix.normalize(path));
  const inside = names.filter(name => name.length <= MAX_PATH && !LEADS_OUT.test(name));
  if (inside.length === 0) return paths.map(() => null);
  const listed = await git(['ls-tree', '-z', '--full-tree', commit, '--', ...new Set(inside)], {
    ...where,
    env: { ...where.env, GIT_LITERAL_PATHSPECS: '1' },
  });
  const texts = new Map<string, string>();
  for (const entry of parts(listed.stdout)) {
    const [, id, name] = /^100\d+ blob (\w+)\t(.+)$/s.exec(entry) ?? [];
    if (id === undefined || name === undefined) continue;
    const { stdout, cut } = await git(['cat-file', 'blob', id], {
      ...where,
      max_bytes: MAX_WHOLE_BYTES,
      cut: true,
    });
    if (!cut) texts.set(name, stdout);
  }
  return names.map(name => texts.get(name) ?? null);
}

/** Puts the files of the commit into the checkout at `path` and removes those that are not to be there. */
export async function putBack(
  repo: Repository,
  path: string,
  commit: string,
  { earlier, added }: Differing,
): Promise<void> {
  const linked = await requireWorkspace(repo, path);
  await withRepositoryLock(linked, async () => {
    for (const file of added) await removeTree(join(linked.path, file));
    if (earlier.length === 0) return;
    const place = at(linked);
    await git(['checkout', '--quiet', '--pathspec-from-file=-', '--pathspec-file-nul', commit], {
      ...place,
      env: { ...place.env, GIT_LITERAL_PATHSPECS: '1' },
      input: `${earlier.join('\0')}\0`,
    });
  });
}
