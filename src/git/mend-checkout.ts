/**
 * The user's checkout around the one moment in which a merge writes to it. git syncs neither the files that it checks
 * out nor undoes half of them: after a power cut there are files that are empty, or new ones under the old commit.
 * Used by merge.ts, which knows whether a merge of ours was cut off; what the user changed is never touched.
 */
import { lstat, readFile, readlink, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { flush } from './durable.ts';
import { MAX_SYNCED_OBJECTS } from './limits.ts';
import { git, parts } from './run.ts';
import { clearLocks } from './stale-locks.ts';

const AT_ONCE = 16;

export interface CutMerge {
  before: string;
  /** Has the content that the merge was writing. */
  commit: string;
}

/** Waits until the files that a merge has written are on the disk. */
export async function syncCheckout(checkout: string, merge: CutMerge): Promise<void> {
  const paths = (await changedPaths(checkout, merge)).slice(0, MAX_SYNCED_OBJECTS);
  for (let i = 0; i < paths.length; i += AT_ONCE) {
    // A file that nobody may read is the only one that cannot be synced, and no reason to refuse a merge.
    await Promise.all(paths.slice(i, i + AT_ONCE).map(path => flush(join(checkout, path)).catch(() => {})));
  }
}

/** The branch had not moved: what the merge had written already goes back to `before`, so that it can be made again. */
export async function undoCutMerge(checkout: string, ref: string, merge: CutMerge): Promise<void> {
  await clearCutLocks(checkout, ref);
  const written: string[] = [];
  for (const path of await changedPaths(checkout, merge)) {
    const file = await contentOf(join(checkout, path));
    if (file === null || isBeginning(file, await contentAt(checkout, merge.commit, path))) written.push(path);
  }
  await restore(checkout, merge.before, written);
}

/** The branch had moved: files that have only the beginning of what they should hold, or are missing, are written anew. */
export async function finishCutMerge(checkout: string, ref: string, merge: CutMerge): Promise<void> {
  await clearCutLocks(checkout, ref);
  const torn: string[] = [];
  for (const path of await changedPaths(checkout, merge)) {
    const file = await contentOf(join(checkout, path));
    const whole = await contentAt(checkout, merge.commit, path);
    if (whole === null || file?.equals(whole)) continue;
    if (file === null || isBeginning(file, whole)) torn.push(path);
  }
  await restore(checkout, merge.commit, torn);
}

async function changedPaths(checkout: string, { before, commit }: CutMerge): Promise<string[]> {
  const args = ['diff-tree', '-r', '-z', '--no-renames', '--name-only', before, commit];
  return parts((await git(args, { cwd: checkout, reads: true })).stdout);
}

/** Locks that our git held when it was killed; one that a living git holds stays. */
async function clearCutLocks(checkout: string, ref: string): Promise<void> {
  const args = ['rev-parse', '--path-format=absolute'];
  for (const name of ['index', 'HEAD', 'ORIG_HEAD', ref]) args.push('--git-path', `${name}.lock`);
  const { stdout } = await git(args, { cwd: checkout, reads: true });
  await clearLocks(stdout.trimEnd().split('\n'), [checkout], {});
}

/** Index and files of the paths become those of the commit. */
async function restore(checkout: string, commit: string, paths: string[]): Promise<void> {
  if (paths.length === 0) return;
  const literal = { cwd: checkout, env: { GIT_LITERAL_PATHSPECS: '1' }, input: `${paths.join('\0')}\0` };
  const from = ['--pathspec-from-file=-', '--pathspec-file-nul'];
  await git(['reset', '--quiet', ...from, commit], { ...literal, ok: [0, 1] });
  const { stdout } = await git(['ls-files', '-z', '--', ...paths], { ...literal, reads: true });
  const there = new Set(parts(stdout));
  for (const path of paths) if (!there.has(path)) await rm(join(checkout, path), { force: true });
  await git(['checkout-index', '--force', '--index', '-z', '--stdin'], {
    cwd: checkout,
    input: [...there].map(path => `${path}\0`).join(''),
  });
}

/** null: it is not there. A folder in its place is somebody's: it has no beginning in common with anything. */
async function contentOf(path: string): Promise<Buffer | null> {
  const found = await lstat(path).catch(() => null);
  if (found === null) return null;
  if (found.isSymbolicLink()) return Buffer.from(await readlink(path));
  return found.isFile() ? await readFile(path) : Buffer.from('\0');
}

/** As a checkout would write it; null when the commit has no such file. */
async function contentAt(cwd: string, commit: string, path: string): Promise<Buffer | null> {
  const args = ['cat-file', '--filters', `${commit}:${path}`];
  const { code, stdout } = await git(args, { cwd, reads: true, ok: [0, 128], binary: true, cut: true });
  return code === 0 ? Buffer.from(stdout, 'latin1') : null;
}

/** What a power cut leaves of a file: the beginning of its content, or all of it, and zeros for what was not written. */
function isBeginning(file: Buffer, whole: Buffer | null): boolean {
  let end = file.length;
  while (end > 0 && file[end - 1] === 0) end -= 1;
  return whole?.subarray(0, end).equals(file.subarray(0, end)) ?? false;
}
