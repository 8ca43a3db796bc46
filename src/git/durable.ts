/**
 * Small files that must survive a power cut, and removal of folders that tools made read-only.
 * Used by git/ for its records; nothing here knows git.
 */
import { chmod, lstat, open, readdir, rename, rm, stat } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { errnoOf, RasenError } from '../errors.ts';
import { MAX_ASIDE } from './limits.ts';

/** Replaces a file in one step: the reader sees the old or the new content, never a part. Keeps the mode. */
export async function writeDurably(path: string, content: string): Promise<void> {
  const draft = `${path}.${process.pid}.new`;
  const mode = await stat(path).then(
    s => s.mode & 0o777,
    () => 0o644,
  );
  try {
    const file = await open(draft, 'w', mode);
    try {
      await file.writeFile(content);
      await file.sync();
    } finally {
      await file.close();
    }
    await rename(draft, path);
  } catch (error) {
    await rm(draft, { force: true });
    throw error;
  }
  await syncFolder(dirname(path));
}

async function syncFolder(path: string): Promise<void> {
  const folder = await open(path, 'r');
  try {
    await folder.sync();
  } finally {
    await folder.close();
  }
}

/** Flushes a file's content to the disk; a file that is not there needs none. */
export async function flush(path: string): Promise<void> {
  const file = await open(path, 'r').catch(error => {
    if (errnoOf(error) === 'ENOENT') return null;
    throw error;
  });
  if (file === null) return;
  try {
    await file.sync();
  } finally {
    await file.close();
  }
}

/** Moves a file or folder to `<path>.<word>-<n>` next to it and returns that name. Nothing is overwritten. */
export async function moveAside(path: string, word: string): Promise<string> {
  for (let n = 1; n <= MAX_ASIDE; n += 1) {
    const target = `${path}.${word}-${n}`;
    if (await lstat(target).catch(() => null)) continue;
    await rename(path, target);
    return target;
  }
  throw new RasenError('git', `${path} was moved aside ${MAX_ASIDE} times already`, {
    hint: `Look at ${path}.${word}-* and remove what you do not need.`,
  });
}

/** Removes a folder with all in it, also where folders were made read-only (module caches do that). */
export async function removeTree(path: string): Promise<void> {
  const options = { recursive: true, force: true, maxRetries: 3 } as const;
  try {
    await rm(path, options);
  } catch (error) {
    if (errnoOf(error) !== 'EACCES' && errnoOf(error) !== 'EPERM') throw error;
    await openFolders(path);
    await rm(path, options);
  }
}

async function openFolders(path: string): Promise<void> {
  const found = await lstat(path).catch(() => null);
  if (!found?.isDirectory()) return;
  await chmod(path, 0o700).catch(() => {});
  for (const entry of await readdir(path, { withFileTypes: true })) {
    if (entry.isDirectory()) await openFolders(join(path, entry.name));
  }
}
