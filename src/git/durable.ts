/**
 * Small files that must survive a power cut. Used by git/ for its records; nothing here knows git.
 */

import { constants } from 'node:fs';
import { lstat, open, rename, rm, stat } from 'node:fs/promises';
import { dirname } from 'node:path';
import { errnoOf, RasenError } from '../contract/errors.ts';
import { unlessTrouble } from '../host/trouble.ts';
import { MAX_ASIDE } from './limits.ts';

const AT_ONCE = 16;

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

/**
 * Flushes a file or folder to the disk. What is not there needs none, and neither does what is no file: nothing is
 * waited for, and no link is followed.
 */
export async function flush(path: string): Promise<void> {
  const flags = constants.O_RDONLY | constants.O_NONBLOCK | constants.O_NOFOLLOW;
  const file = await open(path, flags).catch(error => {
    if (['ENOENT', 'ENOTDIR', 'ELOOP', 'ENXIO'].includes(errnoOf(error) ?? '')) return null;
    throw error;
  });
  if (file === null) return;
  try {
    const found = await file.stat();
    if (found.isFile() || found.isDirectory()) await file.sync();
  } finally {
    await file.close();
  }
}

/** Many at once take a fraction of the time of one after the other. */
export async function flushAll(paths: readonly string[]): Promise<void> {
  for (let i = 0; i < paths.length; i += AT_ONCE) await Promise.all(paths.slice(i, i + AT_ONCE).map(flush));
}

/** Moves a file or folder to `<path>.<word>-<n>` next to it and returns that name. Nothing is overwritten. */
export async function moveAside(path: string, word: string): Promise<string> {
  for (let n = 1; n <= MAX_ASIDE; n += 1) {
    const target = `${path}.${word}-${n}`;
    if (await lstat(target).catch(unlessTrouble(null))) continue;
    await rename(path, target);
    return target;
  }
  throw new RasenError('git', `${path} was moved aside ${MAX_ASIDE} times already`, {
    hint: `Look at ${path}.${word}-* and remove what you do not need.`,
  });
}
