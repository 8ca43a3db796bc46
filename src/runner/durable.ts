/** Writes that are on the disk when they return. Used for the directory of an attempt; knows nothing of its files. */
import { constants } from 'node:fs';
import { open } from 'node:fs/promises';
import { basename, dirname } from 'node:path';
import { foreignError } from '../host/foreign-file.ts';
import { ForeignHandle } from '../host/foreign-handle.ts';
import { placeIn } from './small-file.ts';

/**
 * Writes a file (mode 0600) and syncs its data; the name is durable only after syncDirectory(). Throws when something
 * else than a file has that name.
 */
export async function writeSynced(path: string, text: string): Promise<void> {
  const { O_WRONLY, O_CREAT, O_TRUNC } = constants;
  const place = placeIn(dirname(path), basename(path));
  const opened = ForeignHandle.open(place, O_WRONLY | O_CREAT | O_TRUNC);
  if (!opened.ok) throw foreignError(place, opened);
  using file = opened.value;
  await file.write(text);
  await file.sync();
}

/** Makes the names in a directory durable. */
export async function syncDirectory(dir: string): Promise<void> {
  await using handle = await open(dir, constants.O_RDONLY | constants.O_DIRECTORY);
  await handle.sync();
}

/** Makes durable that `dir` is there, when `first` was the highest directory that had to be made for it. */
export async function syncDirectoriesUpTo(dir: string, first: string): Promise<void> {
  const top = dirname(first);
  for (let at = dirname(dir); ; at = dirname(at)) {
    await syncDirectory(at);
    if (at === top || at === dirname(at)) return;
  }
}

/** Syncs a file and its directory; false when there is no such file. */
export async function syncFile(path: string): Promise<boolean> {
  const opened = ForeignHandle.open(placeIn(dirname(path), basename(path)));
  if (!opened.ok) return false;
  using file = opened.value;
  try {
    await Promise.all([file.sync(), syncDirectory(dirname(path))]);
    return true;
  } catch {
    return false;
  }
}
