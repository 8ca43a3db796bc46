/**
 * The user's checkout around the one moment in which a merge writes to it. git syncs neither the files that it checks
 * out nor undoes half of them: after a power cut there are files that are empty, or new ones under the old commit.
 * Used by merge.ts, which knows whether a merge of ours was cut off; what the user changed is never touched.
 */

import { lstat, readlink } from 'node:fs/promises';
import { join } from 'node:path';
import { readForeign, untroubled } from '../host/foreign-file.ts';
import { removeTree } from '../host/remove-tree.ts';
import { unlessTrouble } from '../host/trouble.ts';
import { flush } from './durable.ts';
import { MAX_OUTPUT_BYTES, MAX_SYNCED_OBJECTS } from './limits.ts';
import type { Place } from './repository.ts';
import { git, parts } from './run.ts';
import { clearLocks } from './stale-locks.ts';

const AT_ONCE = 16;

export interface CutMerge {
  before: string;
  /** Has the content that the merge was writing. */
  commit: string;
}

/** Waits until the files that a merge has written are on the disk. */
export async function syncCheckout(checkout: Place, merge: CutMerge): Promise<void> {
  const paths = (await changedPaths(checkout, merge)).slice(0, MAX_SYNCED_OBJECTS);
  for (let i = 0; i < paths.length; i += AT_ONCE) {
    // A file that nobody may read is the only one that cannot be synced, and no reason to refuse a merge.
    await Promise.all(
      paths.slice(i, i + AT_ONCE).map(path => flush(join(checkout.cwd, path)).catch(() => {})),
    );
  }
}

/** The branch had not moved: what the merge had written already goes back to `before`, so that it can be made again. */
export async function undoCutMerge(checkout: Place, ref: string, merge: CutMerge): Promise<void> {
  await clearCutLocks(checkout, ref);
  const written: string[] = [];
  for (const path of await changedPaths(checkout, merge)) {
    const file = await contentOf(checkout.cwd, path);
    if (file === null || isBeginning(file, await contentAt(checkout, merge.commit, path))) written.push(path);
  }
  await restore(checkout, merge.before, written);
}

/** The branch had moved: files that have only the beginning of what they should hold, or are missing, are written anew. */
export async function finishCutMerge(checkout: Place, ref: string, merge: CutMerge): Promise<void> {
  await clearCutLocks(checkout, ref);
  const torn: string[] = [];
  for (const path of await changedPaths(checkout, merge)) {
    const file = await contentOf(checkout.cwd, path);
    const whole = await contentAt(checkout, merge.commit, path);
    if (whole === null || file?.equals(whole)) continue;
    if (file === null || isBeginning(file, whole)) torn.push(path);
  }
  await restore(checkout, merge.commit, torn);
}

async function changedPaths(checkout: Place, { before, commit }: CutMerge): Promise<string[]> {
  const args = ['diff-tree', '-r', '-z', '--no-renames', '--name-only', before, commit];
  return parts((await git(args, { ...checkout, reads: true })).stdout);
}

/** Locks that our git held when it was killed; one that a living git holds stays. */
async function clearCutLocks(checkout: Place, ref: string): Promise<void> {
  const args = ['rev-parse', '--path-format=absolute'];
  for (const name of ['index', 'HEAD', 'ORIG_HEAD', ref]) args.push('--git-path', `${name}.lock`);
  const { stdout } = await git(args, { ...checkout, reads: true });
  await clearLocks(stdout.trimEnd().split('\n'), [checkout.cwd], {});
}

/** Index and files of the paths become those of the commit. */
async function restore(checkout: Place, commit: string, paths: string[]): Promise<void> {
  if (paths.length === 0) return;
  const env = { ...checkout.env, GIT_LITERAL_PATHSPECS: '1' };
  const literal = { ...checkout, env, input: `${paths.join('\0')}\0` };
  const from = ['--pathspec-from-file=-', '--pathspec-file-nul'];
  await git(['reset', '--quiet', ...from, commit], { ...literal, ok: [0, 1] });
  const { stdout } = await git(['ls-files', '-z', '--', ...paths], { ...literal, reads: true });
  const there = new Set(parts(stdout));
  for (const path of paths) if (!there.has(path)) await removeTree(join(checkout.cwd, path));
  await git(['checkout-index', '--force', '--index', '-z', '--stdin'], {
    ...checkout,
    input: [...there].map(path => `${path}\0`).join(''),
  });
}

/** null: it is not there. A folder in its place is somebody's: it has no beginning in common with anything. */
async function contentOf(root: string, path: string): Promise<Buffer | null> {
  const at = join(root, path);
  const found = await lstat(at).catch(unlessTrouble(null));
  if (found === null) return null;
  if (found.isSymbolicLink()) return Buffer.from(await readlink(at));
  const read = untroubled({ root, path }, readForeign({ root, path }, MAX_OUTPUT_BYTES));
  return read.ok ? read.value.bytes : Buffer.from('\0');
}

/** As a checkout would write it; null when the commit has no such file. */
async function contentAt(checkout: Place, commit: string, path: string): Promise<Buffer | null> {
  const args = ['cat-file', '--filters', `${commit}:${path}`];
  const { code, stdout } = await git(args, {
    ...checkout,
    reads: true,
    ok: [0, 128],
    binary: true,
    cut: true,
  });
  return code === 0 ? Buffer.from(stdout, 'latin1') : null;
}

/** What a power cut leaves of a file: the beginning of its content, or all of it, and zeros for what was not written. */
function isBeginning(file: Buffer, whole: Buffer | null): boolean {
  let end = file.length;
  while (end > 0 && file[end - 1] === 0) end -= 1;
  return whole?.subarray(0, end).equals(file.subarray(0, end)) ?? false;
}
